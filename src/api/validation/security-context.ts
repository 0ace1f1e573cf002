/** Security contexts of pods and containers. @module */
import { byteLength, field } from "#apimachinery";
import type { AppArmorProfile, PodSpec, SeccompProfile, SecurityContext } from "../core/v1/types.gen.ts";
import { all, each, inRange, NONE, oneOf, type Causes } from "./common.ts";
import { validateDescendingPath } from "./paths.ts";
import type { PodRules } from "./pod-rules.ts";
import { validateSysctls } from "./sysctls.ts";
import { validateWindowsOptions } from "./windows-options.ts";

const ID_MAX = 2 ** 31 - 1;
/** PATH_MAX - 1. */
const PROFILE_LENGTH_MAX = 4095;
const PROFILE_TYPES = ["Localhost", "RuntimeDefault", "Unconfined"];

export function validateSecurityContext(
  context: SecurityContext | undefined,
  path: string,
  hostUsers: boolean,
): Causes {
  if (context === undefined) return NONE;
  const at = (name: string): string => field.child(path, name);
  const { procMount, allowPrivilegeEscalation, privileged, capabilities } = context;
  const noEscalation = allowPrivilegeEscalation === false;
  return all(
    validateId(context.runAsUser, at("runAsUser")),
    validateId(context.runAsGroup, at("runAsGroup")),
    oneOf(procMount, ["Default", "Unmasked"], at("procMount")),
    hostUsers && procMount === "Unmasked"
      ? [field.invalid(at("procMount"), procMount, "`hostUsers` must be false to use `Unmasked`")]
      : NONE,
    validateSeccomp(context.seccompProfile, at("seccompProfile")),
    noEscalation && privileged === true
      ? [field.invalid(path, context, noEscalationMessage("`privileged` to true"))]
      : NONE,
    (noEscalation ? (capabilities?.add ?? []) : [])
      .filter((name) => name === "CAP_SYS_ADMIN")
      .map(() => field.invalid(path, context, noEscalationMessage("`capabilities.Add` CAP_SYS_ADMIN"))),
    validateWindowsOptions(context.windowsOptions, at("windowsOptions")),
    validateAppArmor(context.appArmorProfile, at("appArmorProfile")),
  );
}

const noEscalationMessage = (what: string): string =>
  `cannot set \`allowPrivilegeEscalation\` to false and ${what}`;

export function validatePodSecurityContext(spec: PodSpec, path: string, rules: PodRules): Causes {
  const context = spec.securityContext;
  if (context === undefined) return NONE;
  const at = (name: string): string => field.child(path, name);
  return all(
    validateId(context.fsGroup, at("fsGroup")),
    validateId(context.runAsUser, at("runAsUser")),
    validateId(context.runAsGroup, at("runAsGroup")),
    each(context.supplementalGroups, at("supplementalGroups"), (gid, p) => validateId(gid, p)),
    spec.shareProcessNamespace === true && spec.hostPID === true
      ? [
          field.invalid(
            at("shareProcessNamespace"),
            true,
            "ShareProcessNamespace and HostPID cannot both be enabled",
          ),
        ]
      : NONE,
    validateSysctls(spec, at("sysctls"), rules.namespacedHostSysctls),
    oneOf(context.fsGroupChangePolicy, ["Always", "OnRootMismatch"], at("fsGroupChangePolicy")),
    validateSeccomp(context.seccompProfile, at("seccompProfile")),
    validateWindowsOptions(context.windowsOptions, at("windowsOptions")),
    validateAppArmor(context.appArmorProfile, at("appArmorProfile")),
    oneOf(context.supplementalGroupsPolicy, ["Merge", "Strict"], at("supplementalGroupsPolicy")),
    oneOf(
      context.seLinuxChangePolicy,
      rules.anySELinuxPolicy ? ["MountOption", "Recursive"] : ["Recursive"],
      at("seLinuxChangePolicy"),
    ),
  );
}

function validateId(id: number | undefined, path: string): Causes {
  return id === undefined ? NONE : inRange(id, 0, ID_MAX, path);
}

function validateSeccomp(profile: SeccompProfile | undefined, path: string): Causes {
  if (profile === undefined) return NONE;
  const at = field.child(path, "localhostProfile");
  const { type, localhostProfile: local } = profile;
  const typeCauses =
    type === ""
      ? [field.required(field.child(path, "type"), "type is required when seccompProfile is set")]
      : oneOf(type, PROFILE_TYPES, field.child(path, "type"));
  if (type !== "Localhost") {
    if (local === undefined) return typeCauses;
    return [...typeCauses, field.invalid(at, profile, "can only be set when seccomp type is Localhost")];
  }
  if (local === undefined)
    return [...typeCauses, field.required(at, "must be set when seccomp type is Localhost")];
  return all(typeCauses, validateDescendingPath(local, at));
}

function validateAppArmor(profile: AppArmorProfile | undefined, path: string): Causes {
  if (profile === undefined) return NONE;
  const at = field.child(path, "localhostProfile");
  const { type, localhostProfile: local } = profile;
  if (type === "")
    return [field.required(field.child(path, "type"), "type is required when appArmorProfile is set")];
  if (type !== "Localhost") {
    const unsupported = oneOf(type, PROFILE_TYPES, field.child(path, "type"));
    if (unsupported.length > 0 || local === undefined) return unsupported;
    return [field.invalid(at, local, "can only be set when AppArmor type is Localhost")];
  }
  if (local === undefined) return [field.required(at, "must be set when AppArmor type is Localhost")];
  return all(
    local.trim() !== local
      ? [field.invalid(at, local, "must not be padded with whitespace")]
      : local === ""
        ? [field.required(at, "must be set when AppArmor type is Localhost")]
        : NONE,
    byteLength(local) > PROFILE_LENGTH_MAX ? [field.tooLong(at, PROFILE_LENGTH_MAX)] : NONE,
  );
}
