/** What the runtime says of one pod: kubelet's own view of sandboxes and containers, newest first. @module */
import type { LinuxContainerResources } from "#cri";

export type RuntimeContainerState = "created" | "running" | "exited" | "unknown";

export interface RuntimeContainer {
  readonly id: string;
  readonly name: string;
  readonly sandboxId: string;
  readonly state: RuntimeContainerState;
  readonly restartCount: number;
  /** Of the definition it was made from; see hashContainer. Empty if it is not ours. */
  readonly hash: string;
  readonly image: string;
  readonly imageRef: string;
  readonly createdAtMs: number;
  /** 0 until it has started. */
  readonly startedAtMs: number;
  /** 0 until it has ended. */
  readonly finishedAtMs: number;
  readonly exitCode: number;
  readonly reason: string;
  readonly message: string;
  readonly logPath: string;
  /** As the API names it; absent on runtimes that know none: they take the image's. */
  readonly stopSignal?: string;
  /** As the runtime has set them; absent on runtimes that do not say. */
  readonly resources?: LinuxContainerResources;
  readonly user?: {
    readonly uid: number;
    readonly gid: number;
    readonly supplementalGroups: readonly number[];
  };
}

export interface RuntimeSandbox {
  readonly id: string;
  readonly attempt: number;
  readonly ready: boolean;
  readonly hostNetwork: boolean;
  readonly createdAtMs: number;
  readonly ips: readonly string[];
}

export interface RuntimePod {
  readonly uid: string;
  readonly name: string;
  readonly namespace: string;
  /** Of the newest sandbox while it is ready. */
  readonly ips: readonly string[];
  readonly sandboxes: readonly RuntimeSandbox[];
  readonly containers: readonly RuntimeContainer[];
}

export function emptyRuntimePod(uid: string, namespace: string, name: string): RuntimePod {
  return { uid, namespace, name, ips: [], sandboxes: [], containers: [] };
}

/** The newest container of that name, in whatever state. */
export function findContainer(pod: RuntimePod, name: string): RuntimeContainer | undefined {
  return pod.containers.find((container) => container.name === name);
}

export function runningContainers(pod: RuntimePod): readonly RuntimeContainer[] {
  return pod.containers.filter(({ state }) => state === "running");
}

/** What still has to be stopped: everything whose end has not been seen. */
export function isActive(container: RuntimeContainer): boolean {
  return container.state === "running" || container.state === "unknown";
}

/** Whether a container is known to have ended that was not when `before` was read. */
export function hasNewEnd(before: RuntimePod, after: RuntimePod): boolean {
  const ended = new Set(before.containers.flatMap(({ id, state }) => (state === "exited" ? [id] : [])));
  return after.containers.some(({ id, state }) => state === "exited" && !ended.has(id));
}
