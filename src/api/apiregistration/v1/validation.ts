/** Rules for APIServices. @module */
import { field, isDns1035Label, isDns1123Subdomain, isPortNumber } from "#apimachinery";
import { each, NONE, obeys, oneOf, type Causes } from "../../validation/common.ts";
import type { APIService } from "./types.gen.ts";

const GROUP_PRIORITY_MAX = 20_000;
const VERSION_PRIORITY_MAX = 1000;
const HTTPS_PORT = 443;

export function validateAPIService({ metadata, spec }: APIService): Causes {
  if (spec === undefined) return [field.required("spec")];
  const { group = "", version = "", service } = spec;
  const expected = `${version}.${group}`;
  const message = `must be \`spec.version+"."+spec.group\`: "${expected}"`;
  return [
    ...(metadata.name === expected ? NONE : [field.invalid("metadata.name", metadata.name, message)]),
    ...(group === "" && version !== "v1"
      ? [field.required("spec.group", "only v1 may have an empty group and it better be legacy kube")]
      : NONE),
    ...(group === "" ? NONE : obeys(isDns1123Subdomain, group, "spec.group")),
    ...obeys(isDns1035Label, version, "spec.version"),
    ...priority("groupPriorityMinimum", spec.groupPriorityMinimum, GROUP_PRIORITY_MAX),
    ...priority("versionPriority", spec.versionPriority, VERSION_PRIORITY_MAX),
    ...(service === undefined
      ? validateLocal(spec.caBundle, spec.insecureSkipTLSVerify)
      : validateRemote(service, spec.caBundle, spec.insecureSkipTLSVerify)),
  ];
}

function priority(name: string, value: number, max: number): Causes {
  if (value > 0 && value <= max) return NONE;
  return [field.invalid(field.child("spec", name), value, `must be positive and less than ${max}`)];
}

function validateLocal(caBundle: string | undefined, insecure: boolean | undefined): Causes {
  const message = "local APIServices may not";
  return [
    ...(caBundle
      ? [field.invalid("spec.caBundle", `${base64Bytes(caBundle)} bytes`, `${message} have a caBundle`)]
      : NONE),
    ...(insecure === true
      ? [field.invalid("spec.insecureSkipTLSVerify", insecure, `${message} have insecureSkipTLSVerify`)]
      : NONE),
  ];
}

function validateRemote(
  {
    name = "",
    namespace = "",
    port = HTTPS_PORT,
  }: { readonly name?: string; readonly namespace?: string; readonly port?: number },
  caBundle: string | undefined,
  insecure: boolean | undefined,
): Causes {
  return [
    ...(namespace === "" ? [field.required("spec.service.namespace")] : NONE),
    ...(name === "" ? [field.required("spec.service.name")] : NONE),
    ...isPortNumber(port).map((message) =>
      field.invalid("spec.service.port", port, `port is not valid: ${message}`),
    ),
    ...(insecure === true && caBundle
      ? [field.invalid("spec.insecureSkipTLSVerify", insecure, "may not be true if caBundle is present")]
      : NONE),
  ];
}

/** Of what stands in base64. */
function base64Bytes(text: string): number {
  return Math.floor((text.replace(/=+$/, "").length * 3) / 4);
}

export function validateAPIServiceStatusUpdate({ status }: APIService): Causes {
  return each(status?.conditions, "status.conditions", (condition, at) =>
    oneOf(condition.status, ["True", "False", "Unknown"], field.child(at, "status")),
  );
}
