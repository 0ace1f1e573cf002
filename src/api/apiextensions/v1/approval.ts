/** Types in the groups of the Kubernetes project need its approval, which they name in an annotation. Pure. @module */
import { field, isDns1123Subdomain } from "#apimachinery";
import { NONE, type Causes } from "../../validation/common.ts";
import type { CustomResourceDefinition } from "./types.gen.ts";

export const APPROVED_ANNOTATION = "api-approved.kubernetes.io";

export interface Approval {
  readonly state: "approved" | "bypassed" | "invalid" | "missing";
  readonly message: string;
}

export function isProtectedGroup(group: string): boolean {
  return (
    group === "k8s.io" ||
    group === "kubernetes.io" ||
    group.endsWith(".k8s.io") ||
    group.endsWith(".kubernetes.io")
  );
}

export function approvalState(annotations: Readonly<Record<string, string>> | undefined): Approval {
  const text = annotations?.[APPROVED_ANNOTATION] ?? "";
  if (text === "") {
    const why = "see https://github.com/kubernetes/enhancements/pull/1111";
    return {
      state: "missing",
      message: `protected groups must have approval annotation ${JSON.stringify(APPROVED_ANNOTATION)}, ${why}`,
    };
  }
  if (text.startsWith("unapproved"))
    return { state: "bypassed", message: `not approved: ${JSON.stringify(text)}` };
  if (URL.canParse(text)) {
    const { host, protocol } = new URL(text);
    if (host !== "" && protocol !== "") return { state: "approved", message: `approved in ${text}` };
  }
  return {
    state: "invalid",
    message: `protected groups must have approval annotation ${JSON.stringify(APPROVED_ANNOTATION)} with either a URL or a reason starting with "unapproved", see https://github.com/kubernetes/enhancements/pull/1111`,
  };
}

export function validateApproval(crd: CustomResourceDefinition, old?: CustomResourceDefinition): Causes {
  if (!isProtectedGroup(crd.spec.group) || isDns1123Subdomain(crd.spec.group).length > 0) return NONE;
  const { annotations } = crd.metadata;
  const { state, message } = approvalState(annotations);
  if (old !== undefined && approvalState(old.metadata.annotations).state === state) return NONE;
  const path = field.key("metadata.annotations", APPROVED_ANNOTATION);
  if (state === "missing") return [field.required(path, message)];
  return state === "invalid"
    ? [field.invalid(path, annotations?.[APPROVED_ANNOTATION] ?? "", message)]
    : NONE;
}
