/** Stops containers and whole pods: preStop hooks, the stop signal, then KILL; sidecars last and in reverse order. @module */
import { type Clock, deadline, type Logger } from "#apimachinery";
import type { EventRecorder } from "#client";
import type { Container, Pod } from "#api/core/v1/types.gen";
import type { RuntimeService } from "#cri";
import {
  containerNamed,
  fieldPathOf,
  initContainersOf,
  isRestartableInit,
  specOf,
} from "../container/pod-spec.ts";
import { describeError } from "../container/describe-error.ts";
import { isActive, type RuntimeContainer, type RuntimePod } from "../container/runtime-pod.ts";
import { HTTP_FALLBACK, type HookTools, httpFallback, runHook } from "../lifecycle/run-hook.ts";
import type { KillReason } from "../pod-workers/actions.ts";

export interface Killer extends HookTools {
  readonly runtime: RuntimeService;
  readonly logger: Logger;
  readonly recorder: EventRecorder;
}

export interface KillContainerInput {
  /** Undefined for what the runtime runs and the API does not know. */
  readonly pod: Pod | undefined;
  readonly container: Container | undefined;
  readonly id: string;
  readonly name: string;
  readonly podIP: string;
  readonly message: string;
  readonly reason: KillReason;
  /** Overrides the pod's and the probe's grace period. */
  readonly gracePeriodSeconds?: number;
  /** Resolves when it is this container's turn to stop. */
  readonly turn?: Promise<void>;
}

/** Even without grace a container gets this long between its stop signal and KILL. */
const GRACE_SECONDS_MIN = 2;
const DEFAULT_GRACE_SECONDS = 30;

/** Resolves when the container has ended. */
export async function killContainer(
  killer: Killer,
  input: KillContainerInput,
  signal: AbortSignal,
): Promise<void> {
  const { runtime, clock, recorder } = killer;
  const { pod, container, id, name, message } = input;
  const graceMs = gracePeriodOf(input) * 1000;
  if (pod !== undefined) {
    const fieldPath = fieldPathOf(pod, name);
    const text = message === "" ? `Stopping container ${name}` : message;
    recorder.event(pod, "Normal", "Killing", text, fieldPath === undefined ? {} : { fieldPath });
  }
  const startMs = clock.monotonicMs();
  if (container?.lifecycle?.preStop !== undefined && graceMs > 0)
    await preStop(killer, input, graceMs, signal);
  const leftMs = (): number => graceMs - (clock.monotonicMs() - startMs);
  if (input.turn !== undefined && leftMs() > 0) await waitForTurn(input.turn, leftMs(), clock, signal);
  // up: what has passed since the start of this function is no whole second of the grace period
  const seconds = Math.max(Math.ceil(leftMs() / 1000), GRACE_SECONDS_MIN);
  await runtime.stopContainer(id, seconds, signal);
}

/** The runtime's pod is stopped whole: its containers together, sidecars after them, then its sandboxes. */
export async function killPod(
  killer: Killer,
  pod: Pod | undefined,
  runtimePod: RuntimePod,
  gracePeriodSeconds: number | undefined,
  signal: AbortSignal,
): Promise<void> {
  const active = runtimePod.containers.filter(isActive);
  const order = pod === undefined ? [] : sidecarsInStopOrder(pod, active);
  const inputOf = (target: RuntimeContainer, turn?: Promise<void>): KillContainerInput => ({
    pod,
    container: pod === undefined ? undefined : containerNamed(pod, target.name),
    id: target.id,
    name: target.name,
    podIP: runtimePod.ips[0] ?? "",
    message: "",
    reason: "",
    ...(gracePeriodSeconds !== undefined && { gracePeriodSeconds }),
    ...(turn !== undefined && { turn }),
  });
  const kill = (target: RuntimeContainer, turn?: Promise<void>): Promise<void> =>
    killContainer(killer, inputOf(target, turn), signal).catch((err: unknown) => {
      throw failedTo("KillContainer", target.name, err);
    });
  const regular = active.filter((c) => !order.includes(c)).map((c) => kill(c));
  const ended: Promise<void>[] = [...regular];
  let before: Promise<unknown> = Promise.allSettled(regular);
  for (const sidecar of order) {
    const own = kill(
      sidecar,
      before.then(() => {}),
    );
    ended.push(own);
    before = Promise.allSettled([before, own]);
  }
  try {
    await allEnded(ended);
    // Also those that do not run any more: after a loss of power they still hold their addresses.
    await allEnded(runtimePod.sandboxes.map(({ id }) => stopSandbox(killer, runtimePod.uid, id, signal)));
  } catch (err) {
    if (pod !== undefined && !signal.aborted)
      killer.recorder.event(pod, "Warning", "FailedKillPod", `error killing pod: ${(err as Error).message}`);
    throw err;
  }
}

async function stopSandbox({ runtime }: Killer, uid: string, id: string, signal: AbortSignal): Promise<void> {
  try {
    await runtime.stopPodSandbox(id, signal);
  } catch (err) {
    throw failedTo("KillPodSandbox", uid, err);
  }
}

/** In upstream's words: `failed to "KillPodSandbox" for "UID" with KillPodSandboxError: "why"`. */
function failedTo(action: "KillContainer" | "KillPodSandbox", target: string, cause: unknown): Error {
  const why = JSON.stringify(describeError(cause));
  return new Error(`failed to "${action}" for "${target}" with ${action}Error: ${why}`, { cause });
}

/** Waits for each of them before it rejects. */
async function allEnded(tasks: readonly Promise<void>[]): Promise<void> {
  const failed = (await Promise.allSettled(tasks)).find((result) => result.status === "rejected");
  if (failed !== undefined) throw failed.reason;
}

function sidecarsInStopOrder(pod: Pod, active: readonly RuntimeContainer[]): readonly RuntimeContainer[] {
  return initContainersOf(pod)
    .filter(isRestartableInit)
    .toReversed()
    .flatMap((c) => active.filter(({ name }) => name === c.name));
}

function gracePeriodOf({ pod, container, reason, gracePeriodSeconds }: KillContainerInput): number {
  if (gracePeriodSeconds !== undefined) return gracePeriodSeconds;
  if (pod === undefined) return DEFAULT_GRACE_SECONDS;
  const { deletionGracePeriodSeconds } = pod.metadata;
  if (deletionGracePeriodSeconds !== undefined) return deletionGracePeriodSeconds;
  const own = {
    StartupProbe: container?.startupProbe,
    LivenessProbe: container?.livenessProbe,
    Unknown: undefined,
    FailedPostStartHook: undefined,
    "": undefined,
  }[reason]?.terminationGracePeriodSeconds;
  return own ?? specOf(pod).terminationGracePeriodSeconds ?? DEFAULT_GRACE_SECONDS;
}

/** A hook that fails or takes all the time does not keep the container alive. */
async function preStop(
  killer: Killer,
  { pod, container, id, podIP }: KillContainerInput,
  graceMs: number,
  signal: AbortSignal,
): Promise<void> {
  const { clock, logger, recorder } = killer;
  const handler = container!.lifecycle!.preStop!;
  using timeout = deadline(clock, graceMs, new Error("PreStop hook did not complete in time"));
  const stop = AbortSignal.any([signal, timeout.signal]);
  try {
    const onFallback = (host: string): void => {
      if (pod !== undefined) recorder.event(pod, "Warning", HTTP_FALLBACK, httpFallback(host));
    };
    await runHook(
      { handler, container: container!, containerId: id, podIP, tools: killer, onFallback },
      stop,
    );
  } catch (err) {
    signal.throwIfAborted();
    logger.info("PreStop hook failed", { container: container!.name, err });
    if (pod === undefined || timeout.signal.aborted) return;
    const fieldPath = fieldPathOf(pod, container!.name);
    recorder.event(
      pod,
      "Warning",
      "FailedPreStopHook",
      "PreStopHook failed",
      fieldPath === undefined ? {} : { fieldPath },
    );
  }
}

async function waitForTurn(
  turn: Promise<void>,
  maxMs: number,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  const stop = new AbortController();
  try {
    await Promise.race([turn, clock.sleep(maxMs, AbortSignal.any([signal, stop.signal]))]);
  } finally {
    stop.abort();
  }
}
