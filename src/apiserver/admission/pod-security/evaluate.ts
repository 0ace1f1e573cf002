/** Which checks a level has in which version, and what a pod violates of them. Pure; upstream's check registry. @module */
import * as baseline from "./baseline-checks.ts";
import type { CheckedPod, PodCheck, Violation } from "./containers.ts";
import type { LevelVersion } from "./policy.ts";
import * as restricted from "./restricted-checks.ts";

interface Check {
  /** From this minor version of Kubernetes on; the last one that is not newer than the policy's holds. */
  readonly versions: readonly (readonly [minor: number, check: PodCheck])[];
  /** Baseline checks that this one says more strictly. */
  readonly overrides?: string;
}

/** In the order in which violations are told. */
const BASELINE: Readonly<Record<string, Check>> = {
  appArmorProfile: { versions: [[0, baseline.appArmorProfile]] },
  capabilities_baseline: { versions: [[0, baseline.capabilitiesBaseline]] },
  hostNamespaces: { versions: [[0, baseline.hostNamespaces]] },
  hostPathVolumes: { versions: [[0, baseline.hostPathVolumes]] },
  hostPorts: { versions: [[0, baseline.hostPorts]] },
  hostProbesAndHostLifecycle: { versions: [[34, baseline.hostProbesAndHostLifecycle]] },
  privileged: { versions: [[0, baseline.privileged]] },
  procMount: {
    versions: [
      [0, baseline.procMount],
      [35, baseline.procMountUserNamespace],
    ],
  },
  seLinuxOptions: {
    versions: [
      [0, baseline.seLinuxOptions],
      [31, baseline.seLinuxOptions31],
    ],
  },
  seccompProfile_baseline: {
    versions: [
      [0, baseline.seccompAnnotations],
      [19, baseline.seccompProfile],
    ],
  },
  sysctls: {
    versions: [
      [0, baseline.sysctls],
      [27, baseline.sysctls27],
      [29, baseline.sysctls29],
      [32, baseline.sysctls32],
    ],
  },
  windowsHostProcess: { versions: [[0, baseline.windowsHostProcess]] },
};

const RESTRICTED: Readonly<Record<string, Check>> = {
  allowPrivilegeEscalation: {
    versions: [
      [8, restricted.allowPrivilegeEscalation],
      [25, restricted.allowPrivilegeEscalationLinux],
    ],
  },
  capabilities_restricted: {
    versions: [
      [22, restricted.capabilitiesRestricted],
      [25, restricted.capabilitiesRestrictedLinux],
    ],
    overrides: "capabilities_baseline",
  },
  procMount_restricted: { versions: [[35, baseline.procMount]], overrides: "procMount" },
  restrictedVolumes: { versions: [[0, restricted.restrictedVolumes]], overrides: "hostPathVolumes" },
  runAsNonRoot: {
    versions: [
      [0, restricted.runAsNonRoot],
      [35, restricted.runAsNonRootUserNamespace],
    ],
  },
  runAsUser: {
    versions: [
      [23, restricted.runAsUser],
      [35, restricted.runAsUserUserNamespace],
    ],
  },
  seccompProfile_restricted: {
    versions: [
      [19, restricted.seccompRestricted],
      [25, restricted.seccompRestrictedLinux],
    ],
    overrides: "seccompProfile_baseline",
  },
};

export function evaluatePod({ level, minor }: LevelVersion, pod: CheckedPod): readonly Violation[] {
  if (level === "privileged") return [];
  const strict = level === "restricted" ? Object.values(RESTRICTED) : [];
  const overridden = strict
    .filter((check) => versionOf(check, minor) !== undefined)
    .map(({ overrides }) => overrides);
  const plain = Object.entries(BASELINE).filter(([id]) => !overridden.includes(id));
  const checks = [...plain.map(([, check]) => check), ...strict];
  return checks.flatMap((check) => versionOf(check, minor)?.(pod) ?? []);
}

function versionOf({ versions }: Check, minor: number): PodCheck | undefined {
  return versions.findLast(([since]) => since <= minor)?.[1];
}

/** `privileged (container "c" must not …), hostPort (…)`. */
export function describe(violations: readonly Violation[]): string {
  return violations
    .map(({ reason, detail }) => (detail === "" ? reason : `${reason} (${detail})`))
    .join(", ");
}

export function reasonsOf(violations: readonly Violation[]): string {
  return violations.map(({ reason }) => reason).join(", ");
}
