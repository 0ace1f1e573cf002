/** Kernel parameters of pods. @module */
import { field } from "#apimachinery";
import type { PodSpec, Sysctl } from "../core/v1/types.gen.ts";
import { all, each, NONE, type Causes } from "./common.ts";

const LENGTH_MAX = 253;
const SEGMENT = "[a-z0-9]([-_a-z0-9]*[a-z0-9])?";
const PATTERN = `^(${SEGMENT}[\\./])*${SEGMENT}$`;
const SYSCTL = new RegExp(PATTERN);
/** Parameters that live in a namespace of the node when the pod shares it. */
const IPC_SYSCTLS = /^(?:kernel[./](?:shm|msg|sem)|fs[./]mqueue[./])/;
const NET_SYSCTLS = /^net[./]/;

export function validateSysctls(spec: PodSpec, path: string, namespacedOnHost: boolean): Causes {
  const seen = new Set<string>();
  return each(spec.securityContext?.sysctls, path, (sysctl, at) => {
    const namePath = field.child(at, "name");
    const causes = all(
      validateName(sysctl, seen, namePath),
      namespacedOnHost ? NONE : validateNamespace(sysctl, spec, namePath),
    );
    seen.add(sysctl.name);
    return causes;
  });
}

function validateName({ name }: Sysctl, seen: ReadonlySet<string>, path: string): Causes {
  if (name === "") return [field.required(path)];
  if (name.length > LENGTH_MAX || !SYSCTL.test(name)) {
    return [
      field.invalid(path, name, `must have at most ${LENGTH_MAX} characters and match regex ${PATTERN}`),
    ];
  }
  return seen.has(name) ? [field.duplicate(path, name)] : NONE;
}

function validateNamespace({ name }: Sysctl, spec: PodSpec, path: string): Causes {
  if (spec.hostNetwork === true && NET_SYSCTLS.test(name)) {
    return [field.invalid(path, name, "may not be specified when 'hostNetwork' is true")];
  }
  if (spec.hostIPC === true && IPC_SYSCTLS.test(name)) {
    return [field.invalid(path, name, "may not be specified when 'hostIPC' is true")];
  }
  return NONE;
}

export function breaksHostSysctls(spec: PodSpec): boolean {
  return (spec.securityContext?.sysctls ?? []).some(
    (sysctl) => validateNamespace(sysctl, spec, "").length > 0,
  );
}
