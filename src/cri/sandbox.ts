/** Pod sandboxes: the network, hostname and cgroup that the containers of one pod share. @module */
import type { ContainerStatus } from "./container.ts";
import type { LinuxContainerResources } from "./resources.ts";
import type {
  NamespaceOption,
  SecurityProfile,
  SELinuxOption,
  SupplementalGroupsPolicy,
} from "./security.ts";

/** Nanoseconds since 1970, as the wire has them; 0n means "not yet". See `nanosToMs`. */
export type Nanoseconds = bigint;

/** Strings by name; insertion order has no meaning. */
export type StringMap = Readonly<Record<string, string>>;

export interface PodSandboxMetadata {
  readonly name: string;
  readonly uid: string;
  readonly namespace: string;
  /** Counts the sandboxes that this pod has had; name+uid+namespace+attempt is unique in a runtime. */
  readonly attempt: number;
}

export interface DNSConfig {
  readonly servers?: readonly string[];
  readonly searches?: readonly string[];
  readonly options?: readonly string[];
}

export interface PortMapping {
  readonly protocol: "TCP" | "UDP" | "SCTP";
  readonly containerPort: number;
  /** 0 or absent: not mapped. */
  readonly hostPort?: number;
  readonly hostIp?: string;
}

export interface LinuxSandboxSecurityContext {
  readonly namespaceOptions?: NamespaceOption;
  readonly selinuxOptions?: SELinuxOption;
  readonly runAsUser?: number;
  /** Only together with runAsUser. */
  readonly runAsGroup?: number;
  readonly readonlyRootfs?: boolean;
  readonly supplementalGroups?: readonly number[];
  readonly supplementalGroupsPolicy?: SupplementalGroupsPolicy;
  /** True when any container of the pod may be privileged. */
  readonly privileged?: boolean;
  readonly seccomp?: SecurityProfile;
  readonly apparmor?: SecurityProfile;
}

export interface LinuxPodSandboxConfig {
  /** The pod's cgroup, e.g. `/kubepods/burstable/podUID` with the cgroupfs driver. */
  readonly cgroupParent?: string;
  readonly securityContext?: LinuxSandboxSecurityContext;
  readonly sysctls?: StringMap;
  readonly overhead?: LinuxContainerResources;
  /** Sum of the containers' resources. */
  readonly resources?: LinuxContainerResources;
}

export interface PodSandboxConfig {
  readonly metadata: PodSandboxMetadata;
  /** Empty with the node's network. */
  readonly hostname?: string;
  /** Folder of the containers' logs; `ContainerConfig.logPath` is relative to it. */
  readonly logDirectory?: string;
  readonly dnsConfig?: DNSConfig;
  readonly portMappings?: readonly PortMapping[];
  readonly labels?: StringMap;
  readonly annotations?: StringMap;
  readonly linux?: LinuxPodSandboxConfig;
}

export type PodSandboxState = "SANDBOX_READY" | "SANDBOX_NOTREADY";

export interface PodSandboxNetworkStatus {
  /** Empty with the node's network. */
  readonly ip: string;
  readonly additionalIps: readonly { readonly ip: string }[];
}

/** A sandbox in a list. */
export interface PodSandbox {
  readonly id: string;
  readonly metadata: PodSandboxMetadata;
  readonly state: PodSandboxState;
  readonly createdAt: Nanoseconds;
  readonly labels: StringMap;
  readonly annotations: StringMap;
  readonly runtimeHandler: string;
}

export interface PodSandboxStatus extends PodSandbox {
  readonly network?: PodSandboxNetworkStatus;
  readonly linux?: { readonly namespaces?: { readonly options?: NamespaceOption } };
}

export interface PodSandboxStatusResponse {
  readonly status: PodSandboxStatus;
  /** Runtime-specific; only when asked with `verbose`. */
  readonly info: StringMap;
  /** Filled only by runtimes that generate events themselves. */
  readonly containersStatuses: readonly ContainerStatus[];
  /** When this was true; 0n when the runtime does not say. */
  readonly timestamp: Nanoseconds;
}

/** All given conditions must hold. */
export interface PodSandboxFilter {
  /** A whole id. */
  readonly id?: string;
  readonly state?: PodSandboxState;
  readonly labelSelector?: StringMap;
}

export function nanosToMs(at: Nanoseconds): number {
  return Number(at / 1_000_000n);
}

export function msToNanos(ms: number): Nanoseconds {
  return BigInt(Math.round(ms)) * 1_000_000n;
}
