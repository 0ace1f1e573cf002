/** Containers: what kubelet asks for, and what the runtime says of them. @module */
import type { ImageSpec } from "./image.ts";
import type { LinuxContainerResources } from "./resources.ts";
import type { Nanoseconds, PodSandboxStatus, StringMap } from "./sandbox.ts";
import type { IDMapping, LinuxContainerSecurityContext } from "./security.ts";

export interface ContainerMetadata {
  readonly name: string;
  /** Counts the restarts; name+attempt is unique in a sandbox. */
  readonly attempt: number;
}

export interface KeyValue {
  readonly key: string;
  readonly value: string;
}

export type MountPropagation =
  | "PROPAGATION_PRIVATE"
  | "PROPAGATION_HOST_TO_CONTAINER"
  | "PROPAGATION_BIDIRECTIONAL";

export interface Mount {
  readonly containerPath: string;
  /** A symbolic link is followed; the path must exist. Empty for an image mount. */
  readonly hostPath: string;
  readonly readonly?: boolean;
  readonly selinuxRelabel?: boolean;
  readonly propagation?: MountPropagation;
  readonly uidMappings?: readonly IDMapping[];
  readonly gidMappings?: readonly IDMapping[];
  /** Needs readonly and PROPAGATION_PRIVATE, and a runtime whose handler says it can. */
  readonly recursiveReadOnly?: boolean;
  readonly image?: ImageSpec;
  readonly imageSubPath?: string;
}

export interface Device {
  readonly containerPath: string;
  readonly hostPath: string;
  /** Any of `r`, `w`, `m`. */
  readonly permissions: string;
}

export interface LinuxContainerConfig {
  readonly resources?: LinuxContainerResources;
  readonly securityContext?: LinuxContainerSecurityContext;
}

export interface ContainerConfig {
  readonly metadata: ContainerMetadata;
  readonly image: ImageSpec;
  /** Replaces the image's entrypoint. */
  readonly command?: readonly string[];
  /** Replaces the image's command. */
  readonly args?: readonly string[];
  readonly workingDir?: string;
  readonly envs?: readonly KeyValue[];
  readonly mounts?: readonly Mount[];
  readonly devices?: readonly Device[];
  readonly labels?: StringMap;
  readonly annotations?: StringMap;
  /** Relative to `PodSandboxConfig.logDirectory`, e.g. `web/0.log`. */
  readonly logPath?: string;
  readonly stdin?: boolean;
  readonly stdinOnce?: boolean;
  readonly tty?: boolean;
  readonly linux?: LinuxContainerConfig;
  readonly cdiDevices?: readonly { readonly name: string }[];
  /** `SIGNAL_SIGUSR1`, …; absent: the image's, else SIGTERM. */
  readonly stopSignal?: string;
}

export type ContainerState =
  | "CONTAINER_CREATED"
  | "CONTAINER_RUNNING"
  | "CONTAINER_EXITED"
  | "CONTAINER_UNKNOWN";

/** A container in a list. */
export interface Container {
  readonly id: string;
  readonly podSandboxId: string;
  readonly metadata: ContainerMetadata;
  readonly image?: ImageSpec;
  /** A digest reference when the runtime has one, else the image's id. */
  readonly imageRef: string;
  readonly imageId: string;
  readonly state: ContainerState;
  readonly createdAt: Nanoseconds;
  readonly labels: StringMap;
  readonly annotations: StringMap;
}

export interface LinuxContainerUser {
  readonly uid: number;
  readonly gid: number;
  readonly supplementalGroups: readonly number[];
}

export interface ContainerStatus {
  readonly id: string;
  readonly metadata: ContainerMetadata;
  readonly state: ContainerState;
  readonly createdAt: Nanoseconds;
  /** 0n until it has started. */
  readonly startedAt: Nanoseconds;
  /** 0n until it has ended. */
  readonly finishedAt: Nanoseconds;
  /** Meaningful once finishedAt is set. */
  readonly exitCode: number;
  readonly image?: ImageSpec;
  readonly imageRef: string;
  /** Empty on older runtimes, whose imageRef is the id. */
  readonly imageId: string;
  /** CamelCase, e.g. `Completed`, `Error`, `OOMKilled`. */
  readonly reason: string;
  readonly message: string;
  readonly labels: StringMap;
  readonly annotations: StringMap;
  readonly mounts: readonly Mount[];
  /** Absolute. */
  readonly logPath: string;
  readonly resources?: { readonly linux?: LinuxContainerResources };
  readonly user?: { readonly linux?: LinuxContainerUser };
  readonly stopSignal?: string;
}

export interface ContainerStatusResponse {
  readonly status: ContainerStatus;
  /** Runtime-specific; only when asked with `verbose`. */
  readonly info: StringMap;
}

/** All given conditions must hold. */
export interface ContainerFilter {
  /** A whole id. */
  readonly id?: string;
  readonly state?: ContainerState;
  readonly podSandboxId?: string;
  readonly labelSelector?: StringMap;
}

export interface ExecSyncResponse {
  readonly stdout: Uint8Array;
  readonly stderr: Uint8Array;
  readonly exitCode: number;
}

/** With `tty`, `stderr` must be false: it is one stream. */
export interface ExecRequest {
  readonly containerId: string;
  readonly cmd: readonly string[];
  readonly tty: boolean;
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
}

export type AttachRequest = Omit<ExecRequest, "cmd">;

export interface PortForwardRequest {
  readonly podSandboxId: string;
  readonly port: readonly number[];
}

/** The runtime's streaming server: connect with WebSocket or SPDY/3.1, once, soon. */
export interface StreamResponse {
  readonly url: string;
}

export type ContainerEventType =
  | "CONTAINER_CREATED_EVENT"
  | "CONTAINER_STARTED_EVENT"
  | "CONTAINER_STOPPED_EVENT"
  | "CONTAINER_DELETED_EVENT";

/**
 * Something happened to a container, or to a sandbox (then `containerId` is the sandbox's id).
 * A hint: statuses may be absent or old, and events are lost while the runtime is away, so
 * read the state again, and list everything after a `resync`.
 */
export interface ContainerEvent {
  readonly containerId: string;
  readonly type: ContainerEventType;
  readonly createdAt: Nanoseconds;
  readonly podSandboxStatus?: PodSandboxStatus;
  readonly containersStatuses: readonly ContainerStatus[];
}
