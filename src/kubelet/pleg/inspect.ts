/** Reads one pod from the runtime. What can no longer change is taken from the last reading. @module */
import {
  type Container as CRIContainer,
  type ContainerStatus,
  isRuntimeNotFound,
  nanosToMs,
  type PodSandbox,
  type PodSandboxStatus,
  type RuntimeService,
} from "#cri";
import { CONTAINER_HASH, CONTAINER_NAME_LABEL, POD_UID_LABEL, RESTART_COUNT } from "../container/labels.ts";
import type {
  RuntimeContainer,
  RuntimeContainerState,
  RuntimePod,
  RuntimeSandbox,
} from "../container/runtime-pod.ts";
import { signalName } from "../kuberuntime/stop-signal.ts";

/** What a container left behind for `state.terminated.message`. */
export type ReadTerminationMessage = (status: ContainerStatus) => Promise<string>;

type PodReader = Pick<
  RuntimeService,
  "listPodSandbox" | "podSandboxStatus" | "listContainers" | "containerStatus"
>;

const STATES: Readonly<Record<CRIContainer["state"], RuntimeContainerState>> = {
  CONTAINER_CREATED: "created",
  CONTAINER_RUNNING: "running",
  CONTAINER_EXITED: "exited",
  CONTAINER_UNKNOWN: "unknown",
};

export async function inspectPod(
  runtime: PodReader,
  uid: string,
  before: RuntimePod | undefined,
  readMessage: ReadTerminationMessage,
  signal: AbortSignal,
): Promise<RuntimePod | undefined> {
  const labelSelector = { [POD_UID_LABEL]: uid };
  const [sandboxes, containers] = await Promise.all([
    runtime.listPodSandbox({ labelSelector }, signal),
    runtime.listContainers({ labelSelector }, signal),
  ]);
  const newest = sandboxes[0] ?? undefined;
  if (newest === undefined && containers.length === 0) return undefined;

  const [readSandboxes, readContainers] = await Promise.all([
    Promise.all(sandboxes.map((sandbox) => readSandbox(runtime, sandbox, before, signal))),
    Promise.all(containers.map((c) => readContainer(runtime, c, before, readMessage, signal))),
  ]);
  const ordered = readSandboxes
    .filter((s) => s !== undefined)
    .toSorted((a, b) => b.createdAtMs - a.createdAtMs || b.attempt - a.attempt);
  return {
    uid,
    name: newest?.metadata.name ?? before?.name ?? "",
    namespace: newest?.metadata.namespace ?? before?.namespace ?? "",
    ips: ordered[0]?.ready === true ? ordered[0].ips : [],
    sandboxes: ordered,
    containers: readContainers
      .filter((c) => c !== undefined)
      .toSorted((a, b) => b.createdAtMs - a.createdAtMs || b.restartCount - a.restartCount),
  };
}

async function readSandbox(
  runtime: PodReader,
  { id, state }: PodSandbox,
  before: RuntimePod | undefined,
  signal: AbortSignal,
): Promise<RuntimeSandbox | undefined> {
  const known = before?.sandboxes.find((s) => s.id === id);
  if (known !== undefined && known.ready === (state === "SANDBOX_READY")) return known;
  try {
    const { status } = await runtime.podSandboxStatus(id, {}, signal);
    return sandboxOf(status);
  } catch (err) {
    if (isRuntimeNotFound(err)) return undefined;
    throw err;
  }
}

function sandboxOf(status: PodSandboxStatus): RuntimeSandbox {
  const { ip = "", additionalIps = [] } = status.network ?? {};
  return {
    id: status.id,
    attempt: status.metadata.attempt,
    ready: status.state === "SANDBOX_READY",
    hostNetwork: status.linux?.namespaces?.options?.network === "NODE",
    createdAtMs: nanosToMs(status.createdAt),
    ips: [ip, ...additionalIps.map((a) => a.ip)].filter((address) => address !== ""),
  };
}

async function readContainer(
  runtime: PodReader,
  { id, state, podSandboxId }: CRIContainer,
  before: RuntimePod | undefined,
  readMessage: ReadTerminationMessage,
  signal: AbortSignal,
): Promise<RuntimeContainer | undefined> {
  const known = before?.containers.find((c) => c.id === id);
  if (known !== undefined && known.state === STATES[state] && known.state !== "unknown") return known;
  try {
    const { status } = await runtime.containerStatus(id, {}, signal);
    const message =
      status.state === "CONTAINER_EXITED"
        ? joinMessages(status.message, await readMessage(status))
        : status.message;
    return containerOf(status, podSandboxId, message);
  } catch (err) {
    if (isRuntimeNotFound(err)) return undefined;
    throw err;
  }
}

function containerOf(status: ContainerStatus, sandboxId: string, message: string): RuntimeContainer {
  const { labels, annotations, metadata } = status;
  const stopSignal = signalName(status.stopSignal);
  return {
    id: status.id,
    name: labels[CONTAINER_NAME_LABEL] ?? metadata.name,
    sandboxId,
    state: STATES[status.state],
    restartCount: Number(annotations[RESTART_COUNT] ?? metadata.attempt),
    hash: annotations[CONTAINER_HASH] ?? "",
    image: status.image?.userSpecifiedImage || (status.image?.image ?? ""),
    imageRef: status.imageRef,
    createdAtMs: nanosToMs(status.createdAt),
    startedAtMs: nanosToMs(status.startedAt),
    finishedAtMs: nanosToMs(status.finishedAt),
    exitCode: status.exitCode,
    reason: reasonOf(status),
    message,
    logPath: status.logPath,
    ...(stopSignal !== undefined && { stopSignal }),
    ...(status.resources?.linux !== undefined && { resources: status.resources.linux }),
    ...(status.user?.linux !== undefined && { user: status.user.linux }),
  };
}

/** Runtimes leave the reason of an ordinary end to us. */
function reasonOf({ reason, state, exitCode }: ContainerStatus): string {
  if (reason !== "" || state !== "CONTAINER_EXITED") return reason;
  return exitCode === 0 ? "Completed" : "Error";
}

function joinMessages(runtimeMessage: string, left: string): string {
  if (left === "") return runtimeMessage;
  return runtimeMessage === "" ? left : `${runtimeMessage}: ${left}`;
}
