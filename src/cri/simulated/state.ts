/** What the simulated runtime remembers: sandboxes, containers, images, and who listens to its events. @module */
import type { Clock, Timer } from "#apimachinery";
import type {
  Container,
  ContainerConfig,
  ContainerEvent,
  ContainerEventType,
  ContainerState,
  ContainerStatus,
} from "../container.ts";
import type { Queue } from "../event-queue.ts";
import { RuntimeError } from "../errors.ts";
import type { Image } from "../image.ts";
import type { LinuxContainerResources } from "../resources.ts";
import {
  msToNanos,
  type Nanoseconds,
  type PodSandbox,
  type PodSandboxConfig,
  type PodSandboxState,
  type PodSandboxStatus,
  type StringMap,
} from "../sandbox.ts";
import type { AddressPool } from "./addresses.ts";

export interface SandboxRecord {
  readonly id: string;
  readonly config: PodSandboxConfig;
  readonly runtimeHandler: string;
  readonly createdAt: Nanoseconds;
  /** Undefined with the node's network, and once it has been given back. */
  address: string | undefined;
  state: PodSandboxState;
  readonly containers: Set<ContainerRecord>;
}

export interface ContainerRecord {
  readonly id: string;
  readonly sandbox: SandboxRecord;
  readonly config: ContainerConfig;
  readonly image: Image;
  readonly createdAt: Nanoseconds;
  startedAt: Nanoseconds;
  finishedAt: Nanoseconds;
  state: ContainerState;
  exitCode: number;
  reason: string;
  resources: LinuxContainerResources | undefined;
  /** Its scripted end. */
  timer: Timer | undefined;
}

export interface State {
  readonly clock: Clock;
  readonly newId: () => string;
  readonly sandboxes: Map<string, SandboxRecord>;
  /** Name, which metadata makes unique, → id; of sandboxes and containers. */
  readonly names: Map<string, string>;
  readonly containers: Map<string, ContainerRecord>;
  /** By canonical reference. */
  readonly images: Map<string, Image>;
  readonly listeners: Set<Queue<ContainerEvent | "resync">>;
  pool: AddressPool | undefined;
}

export function now(state: State): Nanoseconds {
  return msToNanos(state.clock.now());
}

export function findSandbox(state: State, id: string): SandboxRecord {
  const sandbox = state.sandboxes.get(id);
  if (sandbox === undefined) throw new RuntimeError("NotFound", `sandbox "${id}": not found`);
  return sandbox;
}

export function findContainer(state: State, id: string): ContainerRecord {
  const container = state.containers.get(id);
  if (container === undefined) throw new RuntimeError("NotFound", `container "${id}": not found`);
  return container;
}

/** Takes a created container to running. */
export function beginContainer(state: State, container: ContainerRecord, startedAt: Nanoseconds): void {
  if (container.state !== "CONTAINER_CREATED")
    throw new RuntimeError(
      "Unknown",
      `failed to start container "${container.id}": container is in ${container.state} state`,
    );
  container.state = "CONTAINER_RUNNING";
  container.startedAt = startedAt;
  emit(state, "CONTAINER_STARTED_EVENT", container.id, container.sandbox);
}

/** Ends a running container; nothing for any other. */
export function endContainer(state: State, container: ContainerRecord, exitCode: number): void {
  if (container.state !== "CONTAINER_RUNNING") return;
  container.timer?.cancel();
  container.timer = undefined;
  container.state = "CONTAINER_EXITED";
  container.exitCode = exitCode;
  container.reason = exitCode === 0 ? "Completed" : "Error";
  container.finishedAt = now(state);
  emit(state, "CONTAINER_STOPPED_EVENT", container.id, container.sandbox);
}

export function emit(
  state: State,
  type: ContainerEventType,
  containerId: string,
  sandbox: SandboxRecord,
): void {
  if (state.listeners.size === 0) return;
  const event: ContainerEvent = {
    containerId,
    type,
    createdAt: now(state),
    podSandboxStatus: sandboxStatus(sandbox),
    containersStatuses: [...sandbox.containers].map(containerStatus),
  };
  for (const listener of state.listeners) listener.push(event);
}

export function podSandbox(sandbox: SandboxRecord): PodSandbox {
  const { id, config, state, createdAt, runtimeHandler } = sandbox;
  const { metadata, labels = {}, annotations = {} } = config;
  return { id, metadata, state, createdAt, labels, annotations, runtimeHandler };
}

export function sandboxStatus(sandbox: SandboxRecord): PodSandboxStatus {
  const options = sandbox.config.linux?.securityContext?.namespaceOptions;
  return {
    ...podSandbox(sandbox),
    network: { ip: sandbox.address ?? "", additionalIps: [] },
    linux: { namespaces: options === undefined ? {} : { options } },
  };
}

export function listedContainer(container: ContainerRecord): Container {
  const { id, sandbox, config, image, state, createdAt } = container;
  const { metadata, labels = {}, annotations = {} } = config;
  const refs = { image: config.image, imageRef: image.id, imageId: image.id };
  return { id, podSandboxId: sandbox.id, metadata, ...refs, state, createdAt, labels, annotations };
}

export function containerStatus(container: ContainerRecord): ContainerStatus {
  const { config, image, sandbox } = container;
  const { metadata, labels = {}, annotations = {}, mounts = [], logPath = "" } = config;
  const folder = sandbox.config.logDirectory;
  return {
    id: container.id,
    metadata,
    state: container.state,
    createdAt: container.createdAt,
    startedAt: container.startedAt,
    finishedAt: container.finishedAt,
    exitCode: container.exitCode,
    reason: container.reason,
    message: "",
    image: { image: image.repoTags[0] ?? image.id },
    imageRef: image.id,
    imageId: image.id,
    labels,
    annotations,
    mounts,
    logPath: folder === undefined || logPath === "" ? "" : `${folder}/${logPath}`,
    ...(container.resources !== undefined && { resources: { linux: container.resources } }),
  };
}

export function hasLabels(labels: StringMap | undefined, selector: StringMap | undefined): boolean {
  return Object.entries(selector ?? {}).every(([name, value]) => labels?.[name] === value);
}
