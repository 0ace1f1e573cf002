/** Rules for IngressClasses. @module */
import { byteLength, field, isDns1123Label } from "#apimachinery";
import { immutable, NONE, obeys, oneOf, type Causes } from "../../validation/common.ts";
import { validateDomainPrefixedPath, validateTypedReference } from "../../validation/references.ts";
import type { IngressClass, IngressClassParametersReference } from "./types.gen.ts";

const CONTROLLER_BYTES_MAX = 250;
const CONTROLLER_PATH = "spec.controller";

export function validateIngressClass({ spec }: IngressClass): Causes {
  const controller = spec?.controller ?? "";
  return [
    ...(byteLength(controller) > CONTROLLER_BYTES_MAX
      ? [field.tooLong(CONTROLLER_PATH, CONTROLLER_BYTES_MAX)]
      : NONE),
    ...validateDomainPrefixedPath(controller, CONTROLLER_PATH),
    ...(spec?.parameters === undefined ? NONE : validateParameters(spec.parameters, "spec.parameters")),
  ];
}

function validateParameters(parameters: IngressClassParametersReference, path: string): Causes {
  const { scope, namespace } = parameters;
  const at = field.child(path, "namespace");
  return [
    ...validateTypedReference(parameters, path),
    ...(scope === undefined
      ? [field.required(field.child(path, "scope"))]
      : oneOf(scope, ["Cluster", "Namespace"], field.child(path, "scope"))),
    ...(scope === "Namespace"
      ? namespace === undefined
        ? [field.required(at, "`parameters.scope` is set to 'Namespace'")]
        : obeys(isDns1123Label, namespace, at)
      : NONE),
    ...(scope === "Cluster" && namespace !== undefined
      ? [field.forbidden(at, "`parameters.scope` is set to 'Cluster'")]
      : NONE),
  ];
}

export function validateIngressClassUpdate(ingressClass: IngressClass, old: IngressClass): Causes {
  return immutable(ingressClass.spec?.controller, old.spec?.controller, CONTROLLER_PATH);
}
