/** The security context of a container: its own fields before the pod's, then the image's user. Pure. @module */
import type { Container, Pod } from "#api/core/v1/types.gen";
import type { LinuxContainerSecurityContext, NamespaceOption, UserNamespace } from "#cri";
import { ConfigError } from "../env/make-environment.ts";
import { formatPod, specOf } from "../container/pod-spec.ts";
import { namespaceOptions, supplementalGroupsOf } from "./sandbox-config.ts";
import { apparmorProfile, seccompProfile } from "./security-profiles.ts";

/** Whom the image runs as: a number, or a name that only the image knows. */
export interface ImageUser {
  readonly uid?: number;
  readonly username: string;
}

const MASKED_PATHS = [
  "/proc/asound",
  "/proc/acpi",
  "/proc/interrupts",
  "/proc/kcore",
  "/proc/keys",
  "/proc/latency_stats",
  "/proc/timer_list",
  "/proc/timer_stats",
  "/proc/sched_debug",
  "/proc/scsi",
  "/sys/firmware",
  "/sys/devices/virtual/powercap",
];
const READONLY_PATHS = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

export interface SecurityInput {
  readonly pod: Pod;
  readonly container: Container;
  readonly image: ImageUser;
  readonly rootDir: string;
  /** Containers without a profile get the runtime's. */
  readonly seccompDefault?: boolean;
  /** Of the pod's sandbox. */
  readonly userNamespace?: UserNamespace;
  /** The container whose processes an ephemeral container sees. */
  readonly targetId?: string;
}

/** Throws `ConfigError` when the container would run as root though it must not. */
export function containerSecurityContext(input: SecurityInput): LinuxContainerSecurityContext {
  const { pod, container, image, rootDir, targetId, userNamespace } = input;
  const own = container.securityContext ?? {};
  const shared = specOf(pod).securityContext ?? {};
  const asked = own.runAsUser ?? shared.runAsUser;
  verifyNonRoot(input, asked);

  const runAsGroup = own.runAsGroup ?? shared.runAsGroup;
  const runAsUser = asked ?? image.uid;
  const privileged = own.privileged === true;
  const apparmor = apparmorProfile(own.appArmorProfile ?? shared.appArmorProfile);
  const groups = supplementalGroupsOf(pod);
  const selinuxOptions = own.seLinuxOptions ?? shared.seLinuxOptions;
  const namespaces: NamespaceOption = {
    ...namespaceOptions(pod, userNamespace),
    ...(targetId !== undefined && { pid: "TARGET" as const, targetId }),
  };
  const policy = shared.supplementalGroupsPolicy;
  return {
    namespaceOptions: namespaces,
    privileged,
    ...(own.capabilities !== undefined && {
      capabilities: {
        addCapabilities: own.capabilities.add ?? [],
        dropCapabilities: own.capabilities.drop ?? [],
      },
    }),
    ...(selinuxOptions !== undefined && { selinuxOptions }),
    ...(runAsUser !== undefined ? { runAsUser } : image.username !== "" && { runAsUsername: image.username }),
    ...(runAsGroup !== undefined && { runAsGroup }),
    readonlyRootfs: own.readOnlyRootFilesystem === true,
    ...(groups.length > 0 && { supplementalGroups: groups }),
    ...((policy === "Merge" || policy === "Strict") && { supplementalGroupsPolicy: policy }),
    noNewPrivs: own.allowPrivilegeEscalation === false,
    ...(own.procMount === "Unmasked"
      ? { maskedPaths: [], readonlyPaths: [] }
      : { maskedPaths: MASKED_PATHS, readonlyPaths: READONLY_PATHS }),
    seccomp: privileged
      ? { profileType: "Unconfined" }
      : seccompProfile(own.seccompProfile ?? shared.seccompProfile, rootDir, input.seccompDefault),
    ...apparmor,
  };
}

function verifyNonRoot({ pod, container, image }: SecurityInput, asked: number | undefined): void {
  const nonRoot = container.securityContext?.runAsNonRoot ?? specOf(pod).securityContext?.runAsNonRoot;
  if (nonRoot !== true) return;
  const where = `(pod: ${JSON.stringify(formatPod(pod))}, container: ${container.name})`;
  if (asked !== undefined) {
    if (asked === 0) throw new ConfigError(`container's runAsUser breaks non-root policy ${where}`);
    return;
  }
  if (image.uid === 0) {
    throw new ConfigError(`container has runAsNonRoot and image will run as root ${where}`);
  }
  if (image.uid === undefined && image.username !== "") {
    const message = `container has runAsNonRoot and image has non-numeric user (${image.username}), cannot verify user is non-root`;
    throw new ConfigError(`${message} ${where}`);
  }
  if (image.uid === undefined) {
    throw new ConfigError(`container has runAsNonRoot and image will run as root ${where}`);
  }
}
