/** Ends the pods of a machine that is about to go, in the order of their priority, while logind waits. @module */
import { type Clock, formatTime, type Logger, pause } from "#apimachinery";
import type { EventRecorder } from "#client";
import type { Node, Pod } from "#api/core/v1/types.gen";
import type { StateFile } from "../checkpoint/state-file.ts";
import { formatPod, uidOf } from "../container/pod-spec.ts";
import type { Rejection } from "../lifecycle/admit.ts";
import type { KillOptions } from "../pod-workers/pod-worker.ts";
import type { InhibitLock, ShutdownInhibitor } from "./logind.ts";
import {
  graceSecondsOf,
  groupByPriority,
  secondsRequested,
  type ShutdownGroup,
  type ShutdownPeriod,
} from "./plan.ts";

export interface ShutdownManagerOptions {
  readonly periods: readonly ShutdownPeriod[];
  readonly inhibitor: ShutdownInhibitor;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly recorder: EventRecorder;
  readonly state: StateFile;
  readonly node: () => Node | undefined;
  readonly activePods: () => readonly Pod[];
  readonly terminate: (uid: string, options: KillOptions) => void;
  /** Nothing of the pod is left, its volumes included. */
  readonly isGone: (uid: string) => boolean;
  /** The node's readiness has changed. */
  readonly onChange: () => void;
  /** A shutdown has begun, or has ended its pods. */
  readonly onShutdown?: (times: { readonly startMs?: number; readonly endMs?: number }) => void;
}

const REASON = "Terminated";
const MESSAGE = "Pod was terminated in response to imminent node shutdown.";
const RECONNECT_MS = 1000;
const POLL_MS = 250;
/** How often logind is looked at until it knows its new limit; each wait is twice the one before. */
const DELAY_TRIES_MAX = 5;
const DELAY_RETRY_MS = 100;

export class ShutdownManager {
  readonly #options: ShutdownManagerOptions;
  #isShuttingDown = false;
  #lock: InhibitLock | undefined;

  constructor(options: ShutdownManagerOptions) {
    this.#options = options;
  }

  /** Why the node is not ready. */
  get error(): string | undefined {
    return this.#isShuttingDown ? "node is shutting down" : undefined;
  }

  admit(): Rejection | undefined {
    if (!this.#isShuttingDown) return undefined;
    const message = "Pod was rejected: Pod was rejected as the node is shutting down.";
    return { reason: "NodeShutdown", message };
  }

  /** Rejects where the machine has nobody who would wait: the setting would be an empty promise. */
  async start(signal: AbortSignal): Promise<void> {
    if (this.#options.periods.length === 0) return;
    try {
      await this.#prepare(signal);
    } catch (cause) {
      signal.throwIfAborted();
      const message = `Cannot follow shutdowns of this machine, which shutdownGracePeriod asks for: ${(cause as Error).message}`;
      throw new Error(message, { cause });
    }
  }

  /** Until `signal` aborts; after `start`. */
  async run(signal: AbortSignal): Promise<void> {
    const { periods, inhibitor, clock, logger } = this.#options;
    if (periods.length === 0) return;
    try {
      while (!signal.aborted) {
        try {
          if (this.#lock === undefined && !this.#isShuttingDown) await this.#prepare(signal);
          for await (const active of inhibitor.events(signal)) await this.#onEvent(active, signal);
        } catch (err) {
          if (!signal.aborted) logger.warn("Unable to watch the node for shutdown events", { err });
        }
        await pause(clock, RECONNECT_MS, signal);
      }
    } finally {
      this.#release();
    }
  }

  async #prepare(signal: AbortSignal): Promise<void> {
    const { periods, inhibitor, clock } = this.#options;
    const wantedMs = secondsRequested(periods) * 1000;
    if (wantedMs > (await inhibitor.delayMaxMs(signal))) {
      await inhibitor.overrideDelayMax(wantedMs, signal);
      for (let tries = 1; ; tries++) {
        const delayMs = await inhibitor.delayMaxMs(signal);
        if (delayMs >= wantedMs) break;
        if (tries === DELAY_TRIES_MAX) {
          const limits = `to update to ${wantedMs / 1000}s (ShutdownGracePeriod), current value is ${delayMs / 1000}s`;
          const what = "waiting for logind InhibitDelayMaxSec";
          throw new Error(`node shutdown manager was timed out after ${tries} attempts ${what} ${limits}`);
        }
        await clock.sleep(DELAY_RETRY_MS * 2 ** (tries - 1), signal);
      }
    }
    await this.#acquire(signal);
  }

  async #acquire(signal: AbortSignal): Promise<void> {
    const lock = await this.#options.inhibitor.inhibit(signal);
    this.#release();
    this.#lock = lock;
  }

  #release(): void {
    this.#lock?.release();
    this.#lock = undefined;
  }

  async #onEvent(active: boolean, signal: AbortSignal): Promise<void> {
    const { recorder, node, onChange, logger } = this.#options;
    const shown = node();
    const what = `Shutdown manager detected shutdown ${active ? "event" : "cancellation"}`;
    logger.info(what);
    if (shown !== undefined) recorder.event(shown, "Normal", "NodeShutdown", what);
    this.#isShuttingDown = active;
    onChange();
    if (!active) return this.#acquire(signal);
    try {
      await this.#killPods(signal);
    } finally {
      this.#release();
    }
  }

  async #killPods(signal: AbortSignal): Promise<void> {
    const { periods, activePods, clock, state, onShutdown } = this.#options;
    const startMs = clock.now();
    const startTime = formatTime(startMs);
    onShutdown?.({ startMs });
    await state.save(JSON.stringify({ startTime }));
    for (const group of groupByPriority(periods, activePods())) await this.#killGroup(group, signal);
    const endMs = clock.now();
    onShutdown?.({ endMs });
    await state.save(JSON.stringify({ startTime, endTime: formatTime(endMs) }));
  }

  /** The next group does not wait longer for this one than the group was given. */
  async #killGroup(group: ShutdownGroup, signal: AbortSignal): Promise<void> {
    const { terminate, isGone, clock, logger } = this.#options;
    for (const pod of group.pods) {
      const gracePeriodSeconds = graceSecondsOf(pod, group);
      logger.info("Shutdown manager killing pod with gracePeriod", {
        pod: formatPod(pod),
        gracePeriodSeconds,
      });
      terminate(uidOf(pod), { gracePeriodSeconds, failure: failureOf(pod, clock) });
    }
    const untilMs = clock.monotonicMs() + group.shutdownGracePeriodSeconds * 1000;
    while (!signal.aborted && group.pods.some((pod) => !isGone(uidOf(pod)))) {
      if (clock.monotonicMs() >= untilMs) {
        const { priority, shutdownGracePeriodSeconds } = group;
        logger.warn("Shutdown manager pod killing time out", { priority, shutdownGracePeriodSeconds });
        return;
      }
      await pause(clock, POLL_MS, signal);
    }
  }
}

function failureOf(pod: Pod, clock: Clock): NonNullable<KillOptions["failure"]> {
  const { generation } = pod.metadata;
  return {
    reason: REASON,
    message: MESSAGE,
    condition: {
      type: "DisruptionTarget",
      status: "True",
      reason: "TerminationByKubelet",
      message: MESSAGE,
      lastTransitionTime: formatTime(clock.now()),
      ...(generation !== undefined && { observedGeneration: generation }),
    },
  };
}
