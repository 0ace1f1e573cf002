/** Probes one container with one of its probes for as long as the pod lives, across restarts of the container. @module */
import { type Clock, deadline, type Logger, pause, WakeablePause } from "#apimachinery";
import type { EventRecorder } from "#client";
import type { Container, Pod, Probe } from "#api/core/v1/types.gen";
import { RuntimeError, type RuntimeService } from "#cri";
import { fieldPathOf } from "../container/pod-spec.ts";
import { findContainer, type RuntimeContainer, type RuntimePod } from "../container/runtime-pod.ts";
import { ProbeTimeout } from "./probe-errors.ts";
import { type ProbeOutcome, runProbe } from "./run-probe.ts";

export type ProbeType = "Liveness" | "Readiness" | "Startup";

export interface ProbeWorkerOptions {
  readonly type: ProbeType;
  readonly probe: Probe;
  readonly container: Container;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly recorder: EventRecorder;
  readonly runtime: Pick<RuntimeService, "execSync">;
  readonly userAgent: string;
  readonly hasNetwork: boolean;
  /** First wait, so that the probes of a node that starts do not come all at once. */
  readonly initialDelayMs: number;
  readonly pod: () => Pod;
  readonly runtimePod: () => RuntimePod | undefined;
  /** Address for probes that name no host. */
  readonly podIP: () => string;
  /** The startup probe has succeeded, or there is none. */
  readonly isStarted: (containerId: string) => boolean;
  readonly onResult: (containerId: string, ok: boolean) => void;
  /** After every single probe. */
  readonly onProbed?: (result: ProbeResult, seconds: number) => void;
}

/** As the metric names it. */
export type ProbeResult = "successful" | "failed" | "unknown";

/** How long to wait, or until the pod changes. */
type Next = { readonly waitMs: number } | "change";

/** Upstream's `maxProbeRetries`: it counts the first one, too. */
const TRIES_MAX = 3;

export class ProbeWorker {
  readonly #options: ProbeWorkerOptions;
  #containerId = "";
  #lastOk: boolean | undefined;
  #run = 0;
  /** Decided for this container: nothing more to probe until there is a new one. */
  #onHold = false;
  readonly #rest: WakeablePause;
  #kicked = false;

  constructor(options: ProbeWorkerOptions) {
    this.#options = options;
    this.#rest = new WakeablePause(options.clock);
  }

  /** The pod has changed: look again now. */
  kick(): void {
    this.#kicked = true;
    this.#rest.wake();
  }

  /** Runs until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    if (this.#options.initialDelayMs > 0) await this.#wait({ waitMs: this.#options.initialDelayMs }, signal);
    while (!signal.aborted) {
      const next = await this.#probeOnce(signal);
      if (!signal.aborted) await this.#wait(next, signal);
    }
  }

  async #probeOnce(signal: AbortSignal): Promise<Next> {
    const { probe, container, clock, isStarted, type, pod } = this.#options;
    const periodMs = (probe.periodSeconds ?? 10) * 1000;
    const current = findContainer(this.#options.runtimePod() ?? NONE, container.name);
    if (current === undefined || current.state !== "running") return "change";
    if (current.id !== this.#containerId) {
      this.#containerId = current.id;
      this.#lastOk = undefined;
      this.#run = 0;
      this.#onHold = false;
    }
    if (this.#onHold) return "change";
    if (type !== "Readiness" && pod().metadata.deletionTimestamp !== undefined) return "change";
    const delayMs = (probe.initialDelaySeconds ?? 0) * 1000 - (clock.now() - current.startedAtMs);
    if (delayMs > 0) return { waitMs: delayMs };
    if (type === "Startup" ? isStarted(current.id) : !isStarted(current.id)) return "change";

    const outcome = await this.#execute(current, signal);
    if (outcome !== undefined && !signal.aborted) this.#count(current.id, outcome);
    return this.#onHold ? "change" : { waitMs: periodMs };
  }

  /** Undefined when the probe could not be made. */
  async #execute(current: RuntimeContainer, signal: AbortSignal): Promise<ProbeOutcome | undefined> {
    const { type, container, clock, logger } = this.#options;
    const startMs = clock.monotonicMs();
    const tell = (result: ProbeResult): void =>
      this.#options.onProbed?.(result, (clock.monotonicMs() - startMs) / 1000);
    try {
      const outcome = await this.#attempt(current.id, signal);
      if (signal.aborted) return undefined;
      tell(outcome.ok ? "successful" : "failed");
      if (outcome.warning) this.#event("ProbeWarning", `${type} probe warning: ${outcome.output}`);
      else if (!outcome.ok) this.#event("Unhealthy", `${type} probe failed: ${outcome.output}`);
      return outcome;
    } catch (err) {
      if (signal.aborted) return undefined;
      tell("unknown");
      logger.debug("Probe errored", { type, container: container.name, err });
      const text = err instanceof RuntimeError ? err.describe() : (err as Error).message;
      this.#event("Unhealthy", `${type} probe errored and resulted in unknown state: ${text}`);
      return undefined;
    }
  }

  /** A probe that could not be made is made again at once, with its whole time. Rejects as the last one does. */
  async #attempt(containerId: string, signal: AbortSignal, tries = 1): Promise<ProbeOutcome> {
    const { probe, container, clock, runtime, userAgent, hasNetwork, podIP } = this.#options;
    const timeoutMs = (probe.timeoutSeconds ?? 1) * 1000;
    // Exec is limited by the runtime; this is for one that does not answer at all.
    const limitMs = probe.exec === undefined ? timeoutMs : timeoutMs + 1000;
    using timeout = deadline(clock, limitMs, new ProbeTimeout("probe timed out"));
    const stop = AbortSignal.any([signal, timeout.signal]);
    const target = { probe, container, containerId, podIP: podIP(), runtime, userAgent, hasNetwork };
    try {
      return await runProbe(target, stop);
    } catch (err) {
      if (signal.aborted || tries >= TRIES_MAX) throw err;
    }
    return this.#attempt(containerId, signal, tries + 1);
  }

  #count(containerId: string, { ok }: ProbeOutcome): void {
    const { probe, type, onResult } = this.#options;
    this.#run = this.#lastOk === ok ? this.#run + 1 : 1;
    this.#lastOk = ok;
    const threshold = ok ? (probe.successThreshold ?? 1) : (probe.failureThreshold ?? 3);
    if (this.#run < threshold) return;
    if (type === "Startup" || (type === "Liveness" && !ok)) {
      this.#onHold = true;
      this.#run = 0;
    }
    onResult(containerId, ok);
  }

  #event(reason: string, message: string): void {
    const pod = this.#options.pod();
    const fieldPath = fieldPathOf(pod, this.#options.container.name);
    this.#options.recorder.event(
      pod,
      "Warning",
      reason,
      message,
      fieldPath === undefined ? {} : { fieldPath },
    );
  }

  async #wait(next: Next, signal: AbortSignal): Promise<void> {
    if (next !== "change") return pause(this.#options.clock, next.waitMs, signal);
    if (!this.#kicked) await this.#rest.wait(undefined, signal);
    this.#kicked = false;
  }
}

const NONE: RuntimePod = { uid: "", name: "", namespace: "", ips: [], sandboxes: [], containers: [] };
