/** What the runtime is asked for when a pod's sandbox is made. Pure. @module */
import type { Pod } from "#api/core/v1/types.gen";
import type {
  DNSConfig,
  LinuxSandboxSecurityContext,
  NamespaceOption,
  PodSandboxConfig,
  PortMapping,
  UserNamespace,
} from "#cri";
import { podLabels } from "../container/labels.ts";
import { allContainersOf, containersOf, initContainersOf, specOf, uidOf } from "../container/pod-spec.ts";
import { podCgroupResources, type ResourcePolicy } from "../container/resources.ts";

export interface SandboxInput {
  readonly pod: Pod;
  readonly attempt: number;
  readonly hostname: string;
  readonly dns: DNSConfig;
  readonly logDirectory: string;
  /** "" leaves the cgroup to the runtime. */
  readonly cgroupParent: string;
  readonly userNamespace: UserNamespace;
  readonly resourcePolicy: ResourcePolicy;
}

export function sandboxConfig(input: SandboxInput): PodSandboxConfig {
  const { pod, attempt, hostname, dns, logDirectory, cgroupParent } = input;
  const { name, namespace = "", annotations = {} } = pod.metadata;
  const hostNetwork = specOf(pod).hostNetwork === true;
  const portMappings = hostNetwork ? [] : portMappingsOf(pod);
  const { cpuShares, cpuQuotaUs, cpuPeriodUs, memoryLimitBytes } = podCgroupResources(
    pod,
    input.resourcePolicy,
  );
  return {
    metadata: { name, uid: uidOf(pod), namespace, attempt },
    ...(!hostNetwork && { hostname }),
    logDirectory,
    dnsConfig: dns,
    ...(portMappings.length > 0 && { portMappings }),
    labels: podLabels(pod),
    annotations,
    linux: {
      ...(cgroupParent !== "" && { cgroupParent }),
      securityContext: securityContextOf(pod, input.userNamespace),
      ...sysctlsOf(pod),
      resources: {
        ...(cpuShares !== undefined && { cpuShares }),
        ...(cpuQuotaUs !== undefined && { cpuQuota: cpuQuotaUs }),
        ...(cpuPeriodUs !== undefined && { cpuPeriod: cpuPeriodUs }),
        ...(memoryLimitBytes !== undefined && { memoryLimitInBytes: memoryLimitBytes }),
      },
    },
  };
}

export function namespaceOptions(pod: Pod, usernsOptions?: UserNamespace): NamespaceOption {
  const { hostNetwork, hostPID, hostIPC, shareProcessNamespace } = specOf(pod);
  return {
    network: hostNetwork === true ? "NODE" : "POD",
    pid: hostPID === true ? "NODE" : shareProcessNamespace === true ? "POD" : "CONTAINER",
    ipc: hostIPC === true ? "NODE" : "POD",
    ...(usernsOptions !== undefined && { usernsOptions }),
  };
}

/** The same port may be declared by several containers; it is mapped once. */
function portMappingsOf(pod: Pod): readonly PortMapping[] {
  const mappings = new Map<string, PortMapping>();
  for (const { ports } of [...initContainersOf(pod), ...containersOf(pod)]) {
    for (const { protocol = "TCP", containerPort, hostPort = 0, hostIP } of ports ?? []) {
      const key = `${protocol} ${containerPort} ${hostPort} ${hostIP ?? ""}`;
      mappings.set(key, {
        protocol: protocol as PortMapping["protocol"],
        containerPort,
        hostPort,
        ...(hostIP !== undefined && { hostIp: hostIP }),
      });
    }
  }
  return [...mappings.values()];
}

/** What holds the namespaces runs under the runtime's own seccomp profile, whatever the pod's containers ask for. */
function securityContextOf(pod: Pod, userNamespace: UserNamespace): LinuxSandboxSecurityContext {
  const context = specOf(pod).securityContext;
  const privileged = allContainersOf(pod).some((c) => c.securityContext?.privileged === true);
  const groups = supplementalGroupsOf(pod);
  const policy = context?.supplementalGroupsPolicy;
  return {
    namespaceOptions: namespaceOptions(pod, userNamespace),
    ...(context?.seLinuxOptions !== undefined && { selinuxOptions: context.seLinuxOptions }),
    ...(context?.runAsUser !== undefined && {
      runAsUser: context.runAsUser,
      ...(context.runAsGroup !== undefined && { runAsGroup: context.runAsGroup }),
    }),
    ...(groups.length > 0 && { supplementalGroups: groups }),
    ...((policy === "Merge" || policy === "Strict") && { supplementalGroupsPolicy: policy }),
    privileged,
    seccomp: { profileType: "RuntimeDefault" },
  };
}

/** The fsGroup is one of them: it owns the volumes. */
export function supplementalGroupsOf(pod: Pod): readonly number[] {
  const { supplementalGroups = [], fsGroup } = specOf(pod).securityContext ?? {};
  return fsGroup === undefined ? supplementalGroups : [fsGroup, ...supplementalGroups];
}

function sysctlsOf(pod: Pod): { readonly sysctls?: Readonly<Record<string, string>> } {
  const sysctls = specOf(pod).securityContext?.sysctls ?? [];
  if (sysctls.length === 0) return {};
  return {
    sysctls: Object.fromEntries(sysctls.map(({ name, value }) => [name.replaceAll("/", "."), value])),
  };
}
