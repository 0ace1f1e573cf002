/** Security contexts of pods and containers. @module */
import { byteLength, field } from "#apimachinery";
import type {
  AppArmorProfile,
  PodSecurityContext,
  PodSpec,
  SeccompProfile,
  SecurityContext,
  Sysctl,
} from "../core/v1/types.gen.ts";
import { all, each, hasBacksteps, inRange, NONE, oneOf, type Causes } from "./common.ts";

const ID_MAX = 2 ** 31 - 1;
const SYSCTL_LENGTH_MAX = 253;
const SYSCTL_SEGMENT = "[a-z0-9]([-_a-z0-9]*[a-z0-9])?";
const SYSCTL_PATTERN = `^(${SYSCTL_SEGMENT}[\\./])*${SYSCTL_SEGMENT}$`;
const SYSCTL = new RegExp(SYSCTL_PATTERN);
/** PATH_MAX - 1. */
const PROFILE_LENGTH_MAX = 4095;
const PROFILE_TYPES = ["Localhost", "RuntimeDefault", "Unconfined"];
/** Kernel parameters that live in a namespace of the node when the pod shares it. */
const IPC_SYSCTLS = /^(?:kernel[./](?:shm|msg|sem)|fs[./]mqueue[./])/;

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
    noEscalation && capabilities?.add?.includes("CAP_SYS_ADMIN")
      ? [field.invalid(path, context, noEscalationMessage("`capabilities.Add` CAP_SYS_ADMIN"))]
      : NONE,
    validateAppArmor(context.appArmorProfile, at("appArmorProfile")),
  );
}

const noEscalationMessage = (what: string): string =>
  `cannot set \`allowPrivilegeEscalation\` to false and ${what}`;

export function validatePodSecurityContext(spec: PodSpec, path: string): Causes {
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
    validateSysctls(context, spec, at("sysctls")),
    oneOf(context.fsGroupChangePolicy, ["Always", "OnRootMismatch"], at("fsGroupChangePolicy")),
    validateSeccomp(context.seccompProfile, at("seccompProfile")),
    validateAppArmor(context.appArmorProfile, at("appArmorProfile")),
    oneOf(context.supplementalGroupsPolicy, ["Merge", "Strict"], at("supplementalGroupsPolicy")),
    oneOf(context.seLinuxChangePolicy, ["MountOption", "Recursive"], at("seLinuxChangePolicy")),
  );
}

function validateId(id: number | undefined, path: string): Causes {
  return id === undefined ? NONE : inRange(id, 0, ID_MAX, path);
}

function validateSysctls(context: PodSecurityContext, spec: PodSpec, path: string): Causes {
  const seen = new Set<string>();
  return each(context.sysctls, path, (sysctl, at) => {
    const causes = all(
      validateSysctlName(sysctl, seen, field.child(at, "name")),
      validateHostSysctl(sysctl, spec, at),
    );
    seen.add(sysctl.name);
    return causes;
  });
}

function validateSysctlName({ name }: Sysctl, seen: ReadonlySet<string>, path: string): Causes {
  if (name === "") return [field.required(path)];
  if (name.length > SYSCTL_LENGTH_MAX || !SYSCTL.test(name)) {
    const message = `must have at most ${SYSCTL_LENGTH_MAX} characters and match regex ${SYSCTL_PATTERN}`;
    return [field.invalid(path, name, message)];
  }
  return seen.has(name) ? [field.duplicate(path, name)] : NONE;
}

function validateHostSysctl({ name }: Sysctl, spec: PodSpec, path: string): Causes {
  const at = field.child(path, "name");
  if (spec.hostNetwork === true && /^net[./]/.test(name)) {
    return [field.invalid(at, name, "may not be specified when 'hostNetwork' is true")];
  }
  if (spec.hostIPC === true && IPC_SYSCTLS.test(name)) {
    return [field.invalid(at, name, "may not be specified when 'hostIPC' is true")];
  }
  return NONE;
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

/** Relative, and never up. */
export function validateDescendingPath(target: string, path: string): Causes {
  return all(
    target.startsWith("/") ? [field.invalid(path, target, "must be a relative path")] : NONE,
    hasBacksteps(target) ? [field.invalid(path, target, "must not contain '..'")] : NONE,
  );
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
