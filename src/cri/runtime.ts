/**
 * The contract between kubelet and what runs containers: CRI v1 in TypeScript. Implementations:
 * containerd/ (real), simulated/ (runs nothing), component/ (adds the cluster's own processes).
 * Every one passes `conformance.ts`.
 * @module
 */
import type {
  AttachRequest,
  Container,
  ContainerConfig,
  ContainerEvent,
  ContainerFilter,
  ContainerStatusResponse,
  ExecRequest,
  ExecSyncResponse,
  PortForwardRequest,
  StreamResponse,
} from "./container.ts";
import type {
  AuthConfig,
  Image,
  ImageFilter,
  ImageFsInfoResponse,
  ImageSpec,
  ImageStatusResponse,
} from "./image.ts";
import type { LinuxContainerResources } from "./resources.ts";
import type {
  PodSandbox,
  PodSandboxConfig,
  PodSandboxFilter,
  PodSandboxStatusResponse,
  StringMap,
} from "./sandbox.ts";
import type {
  ContainerStats,
  ContainerStatsFilter,
  PodSandboxStats,
  PodSandboxStatsFilter,
} from "./stats.ts";

export interface VersionResponse {
  readonly version: string;
  readonly runtimeName: string;
  readonly runtimeVersion: string;
  readonly runtimeApiVersion: string;
}

/** `RuntimeReady` and `NetworkReady` are always there. */
export interface RuntimeCondition {
  readonly type: string;
  readonly status: boolean;
  readonly reason: string;
  readonly message: string;
}

export interface RuntimeHandler {
  /** Empty: the default handler. */
  readonly name: string;
  readonly features?: { readonly recursiveReadOnlyMounts: boolean; readonly userNamespaces: boolean };
}

export interface RuntimeFeatures {
  readonly supplementalGroupsPolicy: boolean;
  readonly userNamespacesHostNetwork: boolean;
}

export interface StatusResponse {
  readonly status: { readonly conditions: readonly RuntimeCondition[] };
  readonly info: StringMap;
  readonly runtimeHandlers: readonly RuntimeHandler[];
  readonly features?: RuntimeFeatures;
}

export interface RuntimeConfigResponse {
  readonly linux?: { readonly cgroupDriver: "SYSTEMD" | "CGROUPFS" };
}

/**
 * All calls reject with a `RuntimeError` (errors.ts), or with the signal's reason when it aborts.
 * An aborted call may still have happened. Stop and remove succeed when there is nothing to do.
 */
export interface RuntimeService {
  version(signal: AbortSignal): Promise<VersionResponse>;
  /** Conditions of the runtime and its network; `verbose` adds its configuration to `info`. */
  status(options: { readonly verbose?: boolean }, signal: AbortSignal): Promise<StatusResponse>;
  /** Rejects with Unimplemented on runtimes that do not say. */
  runtimeConfig(signal: AbortSignal): Promise<RuntimeConfigResponse>;
  /** Tells the node's pod network. */
  updateRuntimeConfig(config: { readonly podCidr: string }, signal: AbortSignal): Promise<void>;

  /** Returns the new sandbox's id; it is READY and has its address. */
  runPodSandbox(config: PodSandboxConfig, runtimeHandler: string, signal: AbortSignal): Promise<string>;
  /** Kills what runs in it and gives back its address; idempotent. */
  stopPodSandbox(podSandboxId: string, signal: AbortSignal): Promise<void>;
  /** Removes it and its containers, stopping what still runs; idempotent. */
  removePodSandbox(podSandboxId: string, signal: AbortSignal): Promise<void>;
  podSandboxStatus(
    podSandboxId: string,
    options: { readonly verbose?: boolean },
    signal: AbortSignal,
  ): Promise<PodSandboxStatusResponse>;
  listPodSandbox(filter: PodSandboxFilter, signal: AbortSignal): Promise<readonly PodSandbox[]>;
  updatePodSandboxResources(
    podSandboxId: string,
    resources: { readonly overhead?: LinuxContainerResources; readonly resources?: LinuxContainerResources },
    signal: AbortSignal,
  ): Promise<void>;

  /** Returns the new container's id. The image must be here; `sandboxConfig` is the one of runPodSandbox. */
  createContainer(
    podSandboxId: string,
    config: ContainerConfig,
    sandboxConfig: PodSandboxConfig,
    signal: AbortSignal,
  ): Promise<string>;
  startContainer(containerId: string, signal: AbortSignal): Promise<void>;
  /** Its stop signal, then KILL after the timeout; 0 kills at once. Resolves when it has ended; idempotent. */
  stopContainer(containerId: string, timeoutSeconds: number, signal: AbortSignal): Promise<void>;
  /** Kills it when it still runs; idempotent. Its log stays. */
  removeContainer(containerId: string, signal: AbortSignal): Promise<void>;
  listContainers(filter: ContainerFilter, signal: AbortSignal): Promise<readonly Container[]>;
  containerStatus(
    containerId: string,
    options: { readonly verbose?: boolean },
    signal: AbortSignal,
  ): Promise<ContainerStatusResponse>;
  updateContainerResources(
    containerId: string,
    resources: { readonly linux: LinuxContainerResources; readonly annotations?: StringMap },
    signal: AbortSignal,
  ): Promise<void>;
  /** After kubelet has moved the log file away: go on in a new one. */
  reopenContainerLog(containerId: string, signal: AbortSignal): Promise<void>;
  /** Writes its state into a file of the node; 0 seconds: the runtime's own limit. Rejects with Unimplemented where it cannot. */
  checkpointContainer(
    containerId: string,
    options: { readonly location: string; readonly timeoutSeconds: number },
    signal: AbortSignal,
  ): Promise<void>;

  /** Runs to its end; 0 means no limit, else DeadlineExceeded and the command is killed. A non-zero exit is no error. */
  execSync(
    containerId: string,
    cmd: readonly string[],
    timeoutSeconds: number,
    signal: AbortSignal,
  ): Promise<ExecSyncResponse>;
  exec(request: ExecRequest, signal: AbortSignal): Promise<StreamResponse>;
  attach(request: AttachRequest, signal: AbortSignal): Promise<StreamResponse>;
  portForward(request: PortForwardRequest, signal: AbortSignal): Promise<StreamResponse>;

  containerStats(containerId: string, signal: AbortSignal): Promise<ContainerStats>;
  listContainerStats(filter: ContainerStatsFilter, signal: AbortSignal): Promise<readonly ContainerStats[]>;
  podSandboxStats(podSandboxId: string, signal: AbortSignal): Promise<PodSandboxStats>;
  listPodSandboxStats(
    filter: PodSandboxStatsFilter,
    signal: AbortSignal,
  ): Promise<readonly PodSandboxStats[]>;

  /**
   * Events from now on until the signal aborts (then it ends without an error). Reconnects by itself, and
   * yields `"resync"` first and after every gap: list everything then.
   */
  containerEvents(signal: AbortSignal): AsyncIterable<ContainerEvent | "resync">;
}

/** Images. References are normalised by the runtime: `busybox` means `docker.io/library/busybox:latest`. */
export interface ImageService {
  listImages(filter: ImageFilter, signal: AbortSignal): Promise<readonly Image[]>;
  /** An image that is not here is no error: `image` is absent. */
  imageStatus(
    image: ImageSpec,
    options: { readonly verbose?: boolean },
    signal: AbortSignal,
  ): Promise<ImageStatusResponse>;
  /** Returns a reference by which createContainer finds exactly what was pulled. */
  pullImage(
    image: ImageSpec,
    auth: AuthConfig | undefined,
    sandboxConfig: PodSandboxConfig | undefined,
    signal: AbortSignal,
  ): Promise<string>;
  /** Idempotent. */
  removeImage(image: ImageSpec, signal: AbortSignal): Promise<void>;
  imageFsInfo(signal: AbortSignal): Promise<ImageFsInfoResponse>;
}

/** Images as folders, for runtimes that do not take them as mounts of a container. */
export interface ImageMounts {
  /** Read-only, at `path`, which must not be a mount yet. Resolves to false when the runtime does it with the container. */
  mount(
    request: { readonly image: string; readonly key: string; readonly path: string },
    signal: AbortSignal,
  ): Promise<boolean>;
  /** After everything of `key` was unmounted; idempotent. */
  release(key: string, signal: AbortSignal): Promise<void>;
}

/** Both services of one endpoint. `close` releases connections; running containers go on. */
export interface Runtime extends RuntimeService, ImageService {
  /** Absent: images are mounted with the container. */
  readonly imageMounts?: ImageMounts;
  close(): Promise<void>;
}

/** The part of a runtime that is about sandboxes. */
export type SandboxCalls = Pick<
  RuntimeService,
  | "runPodSandbox"
  | "stopPodSandbox"
  | "removePodSandbox"
  | "podSandboxStatus"
  | "listPodSandbox"
  | "updatePodSandboxResources"
>;

/** The part that is about containers and their lives. */
export type ContainerCalls = Pick<
  RuntimeService,
  | "createContainer"
  | "startContainer"
  | "stopContainer"
  | "removeContainer"
  | "listContainers"
  | "containerStatus"
  | "updateContainerResources"
  | "reopenContainerLog"
  | "checkpointContainer"
>;
