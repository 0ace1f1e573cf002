/** Carries out what computePodActions decided: kills, a sandbox, then containers in order. @module */
import type { Container, Pod, Secret } from "#api/core/v1/types.gen";
import { type PodSandboxConfig, RuntimeError } from "#cri";
import { hashContainer } from "../container/labels.ts";
import {
  containersOf,
  ephemeralContainersOf,
  fieldPathOf,
  formatPod,
  initContainersOf,
  isRestartableInit,
  uidOf,
} from "../container/pod-spec.ts";
import { isActive, type RuntimePod } from "../container/runtime-pod.ts";
import { goDuration } from "../container/time.ts";
import type { PodActions, ResizeActions } from "../pod-workers/actions.ts";
import type { Backoff } from "../pod-workers/backoff.ts";
import type { WaitingReason } from "../status/container-statuses.ts";
import type { MountedVolumes } from "../volumes/mounted-volume.ts";
import { killContainer, killPod } from "./kill-pod.ts";
import { type ContainerStarter, startContainer } from "./start-container.ts";
import { resizePod, type Resizer } from "./resize-pod.ts";
import { StartError } from "./start-error.ts";

export interface ApplyInput {
  readonly pod: Pod;
  readonly runtimePod: RuntimePod;
  readonly actions: PodActions;
  readonly volumes: MountedVolumes;
  readonly pullSecrets: readonly Secret[];
  readonly sandboxConfig: PodSandboxConfig;
  /** Of the pod's RuntimeClass; "" is the default. */
  readonly runtimeHandler: string;
  /** Container name -> why it waits; changed here. */
  readonly reasons: Map<string, WaitingReason>;
}

export interface Applier {
  readonly starter: ContainerStarter;
  readonly resizer: Resizer;
  /** Before each sandbox of the pod: its ResourceClaims. Throws while they cannot be prepared. */
  readonly prepareResources: (pod: Pod, signal: AbortSignal) => Promise<void>;
  /** Resizing the pod has ended. */
  readonly onResized: (success: boolean, ms: number) => void;
  /** Resizing the pod failed. */
  readonly onResizeError: (pod: Pod, message: string) => void;
  /** Of containers that end. */
  readonly backoff: Backoff;
  /** Reads the pod from the runtime again and publishes its status. */
  readonly refresh: (pod: Pod) => Promise<RuntimePod>;
}

export interface ApplyResult {
  /** When the first thing that failed or was held back may be tried again; undefined: nothing was. */
  readonly retryAtMs: number | undefined;
  /** A failure without a time of its own. */
  readonly failed: boolean;
}

const DONE: ApplyResult = { retryAtMs: undefined, failed: false };

export async function applyPodActions(
  applier: Applier,
  input: ApplyInput,
  signal: AbortSignal,
): Promise<ApplyResult> {
  const { actions, pod, runtimePod } = input;
  const { killer } = applier.starter;
  if (actions.killPod) {
    if (actions.createSandbox && actions.sandboxId !== undefined) {
      const message = "Pod sandbox changed, it will be killed and re-created.";
      killer.recorder.event(pod, "Normal", "SandboxChanged", message);
    }
    if (runtimePod.sandboxes.length > 0) await killPod(killer, pod, runtimePod, undefined, signal);
    if (!actions.createSandbox) return DONE;
    await purgeInitContainers(applier, input, signal);
  } else {
    const podIP = runtimePod.ips[0] ?? "";
    for (const { id, container, message, reason } of actions.containersToKill) {
      await killContainer(
        killer,
        { pod, container, id, name: container.name, podIP, message, reason },
        signal,
      );
    }
  }
  let current = runtimePod;
  let sandboxId = actions.sandboxId;
  if (actions.createSandbox) {
    const made = await createSandbox(applier, input, signal);
    if (made === undefined) return { retryAtMs: undefined, failed: true };
    sandboxId = made;
    current = await applier.refresh(pod);
  } else if (actions.containersToKill.length > 0) current = await applier.refresh(pod);
  return startAll(applier, input, { runtimePod: current, sandboxId: sandboxId! }, signal);
}

async function createSandbox(
  applier: Applier,
  input: ApplyInput,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { killer, host } = applier.starter;
  const { pod, sandboxConfig } = input;
  if (!(await prepareResources(applier, pod, signal))) return undefined;
  try {
    await host.makeDir(sandboxConfig.logDirectory ?? "", 0o755);
    return await killer.runtime.runPodSandbox(sandboxConfig, input.runtimeHandler, signal);
  } catch (err) {
    signal.throwIfAborted();
    const text = err instanceof RuntimeError ? err.describe() : (err as Error).message;
    killer.recorder.event(pod, "Warning", "FailedCreatePodSandBox", `Failed to create pod sandbox: ${text}`);
    killer.logger.warn("Creating a pod sandbox failed", { pod: formatPod(pod), err });
    return undefined;
  }
}

async function prepareResources(applier: Applier, pod: Pod, signal: AbortSignal): Promise<boolean> {
  const { killer } = applier.starter;
  try {
    await applier.prepareResources(pod, signal);
    return true;
  } catch (err) {
    signal.throwIfAborted();
    const message = `Failed to prepare dynamic resources: ${(err as Error).message}`;
    killer.recorder.event(pod, "Warning", "FailedPrepareDynamicResources", message);
    killer.logger.warn("Preparing dynamic resources failed", { pod: formatPod(pod), err });
    return false;
  }
}

/** In a new sandbox initialisation starts anew; what is left of the old one would look finished. */
async function purgeInitContainers(
  applier: Applier,
  { pod, runtimePod }: ApplyInput,
  signal: AbortSignal,
): Promise<void> {
  const names = new Set(initContainersOf(pod).map(({ name }) => name));
  const old = runtimePod.containers.filter((c) => names.has(c.name) && !isActive(c));
  await Promise.all(old.map(({ id }) => applier.starter.killer.runtime.removeContainer(id, signal)));
}

interface Sandbox {
  readonly runtimePod: RuntimePod;
  readonly sandboxId: string;
}

async function startAll(
  applier: Applier,
  input: ApplyInput,
  sandbox: Sandbox,
  signal: AbortSignal,
): Promise<ApplyResult> {
  const { pod, actions } = input;
  let result = DONE;
  const start = async (container: Container): Promise<boolean> => {
    const failure = await startOne(applier, input, sandbox, container, signal);
    if (failure !== undefined) result = combine(result, failure);
    return failure === undefined;
  };
  for (const index of actions.ephemeralContainersToStart) await start(ephemeralContainersOf(pod)[index]!);
  for (const index of actions.initContainersToStart) {
    const container = initContainersOf(pod)[index]!;
    if (!(await start(container)) && !isRestartableInit(container)) return result;
  }
  if (actions.resize !== undefined) {
    const resized = await tryResize(applier, pod, sandbox.sandboxId, actions.resize, signal);
    if (!resized) result = { ...result, failed: true };
  }
  for (const index of actions.containersToStart) await start(containersOf(pod)[index]!);
  return result;
}

/** What failed is tried again by the next sync. */
async function tryResize(
  { resizer, starter, onResized, onResizeError }: Applier,
  pod: Pod,
  sandboxId: string,
  actions: ResizeActions,
  signal: AbortSignal,
): Promise<boolean> {
  const { clock } = starter.killer;
  const startMs = clock.monotonicMs();
  let success = false;
  try {
    await resizePod(resizer, pod, sandboxId, actions, signal);
    success = true;
    return true;
  } catch (err) {
    signal.throwIfAborted();
    starter.killer.logger.warn("Resizing a pod failed", { pod: formatPod(pod), err });
    onResizeError(pod, err instanceof RuntimeError ? err.describe() : (err as Error).message);
    return false;
  } finally {
    onResized(success, clock.monotonicMs() - startMs);
  }
}

/** Undefined: it runs. */
async function startOne(
  applier: Applier,
  input: ApplyInput,
  { runtimePod, sandboxId }: Sandbox,
  container: Container & { readonly targetContainerName?: string },
  signal: AbortSignal,
): Promise<StartError | undefined> {
  const { pod, sandboxConfig, volumes, pullSecrets, reasons } = input;
  try {
    holdBack(applier, pod, container, runtimePod);
    const { targetContainerName } = container;
    const podIPs = runtimePod.ips;
    const target = targetContainerName === undefined ? {} : { targetContainerName };
    const start = {
      pod,
      container,
      runtimePod,
      sandboxId,
      sandboxConfig,
      podIPs,
      volumes,
      pullSecrets,
      runtimeHandler: input.runtimeHandler,
      ...target,
    };
    applier.resizer.actuated.setContainer(uidOf(pod), container.name, container.resources ?? {});
    await startContainer(applier.starter, start, signal);
    reasons.delete(container.name);
    await applier.refresh(pod);
    return undefined;
  } catch (err) {
    if (!(err instanceof StartError)) throw err;
    reasons.set(container.name, { reason: err.reason, message: err.message });
    return err;
  }
}

/** Throws while a container that has ended must wait; otherwise notes that it starts again. */
function holdBack(
  { backoff, starter }: Applier,
  pod: Pod,
  container: Container,
  runtimePod: RuntimePod,
): void {
  const ended = runtimePod.containers.find((c) => c.name === container.name && c.state === "exited");
  if (ended === undefined) return;
  const key = `${uidOf(pod)}_${container.name}_${hashContainer(container)}`;
  const retryAtMs = backoff.waitUntil(key, ended.finishedAtMs);
  if (retryAtMs === undefined) {
    backoff.next(key, ended.finishedAtMs);
    return;
  }
  const fieldPath = fieldPathOf(pod, container.name);
  const what = `container ${container.name} in pod ${formatPod(pod)}`;
  starter.killer.recorder.event(
    pod,
    "Warning",
    "BackOff",
    `Back-off restarting failed ${what}`,
    fieldPath === undefined ? {} : { fieldPath },
  );
  const wait = goDuration(backoff.delayMs(key));
  const message = `back-off ${wait} restarting failed container=${container.name} pod=${formatPod(pod)}`;
  throw new StartError("CrashLoopBackOff", message, { retryAtMs });
}

function combine(result: ApplyResult, { retryAtMs }: StartError): ApplyResult {
  if (retryAtMs === undefined) return { ...result, failed: true };
  return { ...result, retryAtMs: Math.min(result.retryAtMs ?? Infinity, retryAtMs) };
}
