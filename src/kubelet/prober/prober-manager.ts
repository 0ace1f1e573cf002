/** The probes of every pod on the node, and their last results. @module */
import type { Clock, Logger } from "#apimachinery";
import type { EventRecorder } from "#client";
import type { Container, Pod } from "#api/core/v1/types.gen";
import type { RuntimeService } from "#cri";
import { containersOf, initContainersOf, isRestartableInit, uidOf } from "../container/pod-spec.ts";
import type { RuntimePod } from "../container/runtime-pod.ts";
import type { ProbeMetrics } from "./probe-metrics.ts";
import { type ProbeType, ProbeWorker } from "./probe-worker.ts";

export interface ProberManagerOptions {
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  readonly recorder: EventRecorder;
  readonly runtime: Pick<RuntimeService, "execSync">;
  readonly userAgent: string;
  readonly hasNetwork: boolean;
  readonly runtimePod: (uid: string) => RuntimePod | undefined;
  readonly podIP: (uid: string) => string;
  readonly onResult: (uid: string, type: ProbeType, ok: boolean) => void;
  readonly metrics: ProbeMetrics;
}

interface Entry {
  pod: Pod;
  readonly workers: readonly {
    readonly type: ProbeType;
    readonly worker: ProbeWorker;
    readonly stop: AbortController;
    readonly done: Promise<void>;
  }[];
}

interface Results {
  liveness?: boolean;
  readiness?: boolean;
  startup?: boolean;
}

/** Containers whose results are kept; those of ended ones are the oldest. */
const RESULTS_MAX = 10_000;

const TYPES = [
  ["Liveness", "livenessProbe"],
  ["Readiness", "readinessProbe"],
  ["Startup", "startupProbe"],
] as const;

export class ProberManager {
  readonly #options: ProberManagerOptions;
  readonly #pods = new Map<string, Entry>();
  readonly #results = new Map<string, Results>();
  readonly #startMs: number;

  constructor(options: ProberManagerOptions) {
    this.#options = options;
    this.#startMs = options.clock.monotonicMs();
  }

  liveness(containerId: string): boolean | undefined {
    return this.#results.get(containerId)?.liveness;
  }

  readiness(containerId: string): boolean | undefined {
    return this.#results.get(containerId)?.readiness;
  }

  startup(containerId: string): boolean | undefined {
    return this.#results.get(containerId)?.startup;
  }

  /** Starts the probes of a pod, once. */
  addPod(pod: Pod): void {
    const uid = uidOf(pod);
    const known = this.#pods.get(uid);
    if (known !== undefined) {
      known.pod = pod;
      return;
    }
    const entry: Entry = { pod, workers: [] };
    this.#adoptStarted(pod);
    const probed = [...initContainersOf(pod).filter(isRestartableInit), ...containersOf(pod)];
    const workers = probed.flatMap((container) =>
      TYPES.flatMap(([type, field]) =>
        container[field] === undefined ? [] : [this.#start(uid, entry, container, type)],
      ),
    );
    if (workers.length > 0) this.#pods.set(uid, Object.assign(entry, { workers }));
  }

  /** The pod's containers or its deletion have changed. */
  podChanged(uid: string): void {
    for (const { worker } of this.#pods.get(uid)?.workers ?? []) worker.kick();
  }

  updatePod(pod: Pod): void {
    const entry = this.#pods.get(uidOf(pod));
    if (entry !== undefined) entry.pod = pod;
  }

  /** A pod that terminates is only asked whether it is ready. */
  stopLivenessAndStartup(uid: string): void {
    for (const { type, stop } of this.#pods.get(uid)?.workers ?? []) if (type !== "Readiness") stop.abort();
  }

  async removePod(uid: string): Promise<void> {
    const entry = this.#pods.get(uid);
    this.#pods.delete(uid);
    for (const { id } of this.#options.runtimePod(uid)?.containers ?? []) this.#results.delete(id);
    for (const { stop } of entry?.workers ?? []) stop.abort();
    await Promise.all((entry?.workers ?? []).map(({ done }) => done));
    if (entry !== undefined) this.#options.metrics.forget(entry.pod);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#pods.keys()].map((uid) => this.removePod(uid)));
  }

  #start(uid: string, entry: Entry, container: Container, type: ProbeType): Entry["workers"][number] {
    const { clock, random, logger, recorder, runtime, userAgent, hasNetwork, runtimePod, podIP } =
      this.#options;
    const probe = {
      Liveness: container.livenessProbe,
      Readiness: container.readinessProbe,
      Startup: container.startupProbe,
    }[type]!;
    const periodMs = (probe.periodSeconds ?? 10) * 1000;
    const upMs = clock.monotonicMs() - this.#startMs;
    const worker = new ProbeWorker({
      type,
      probe,
      container,
      clock,
      logger,
      recorder,
      runtime,
      userAgent,
      hasNetwork,
      initialDelayMs: upMs < periodMs && this.#isAdopted(uid) ? random() * periodMs : 0,
      pod: () => entry.pod,
      runtimePod: () => runtimePod(uid),
      podIP: () => podIP(uid),
      isStarted: (id) => container.startupProbe === undefined || this.startup(id) === true,
      onResult: (id, ok) => this.#record(uid, type, id, ok),
      onProbed: (...probed) => this.#options.metrics.probed(entry.pod, container.name, type, ...probed),
    });
    const stop = new AbortController();
    return { type, worker, stop, done: worker.run(stop.signal) };
  }

  #isAdopted(uid: string): boolean {
    return (this.#options.runtimePod(uid)?.containers.length ?? 0) > 0;
  }

  /** Containers that the API knows as started need no startup probe after a restart of kubelet. */
  #adoptStarted(pod: Pod): void {
    const { containerStatuses = [], initContainerStatuses = [] } = pod.status ?? {};
    for (const { containerID, started } of [...containerStatuses, ...initContainerStatuses]) {
      const id = containerID?.split("://")[1];
      if (id === undefined || started !== true || this.#results.has(id)) continue;
      this.#results.set(id, { startup: true });
    }
  }

  #record(uid: string, type: ProbeType, containerId: string, ok: boolean): void {
    const results = this.#results.get(containerId) ?? {};
    const field = type.toLowerCase() as keyof Results;
    if (results[field] === ok) return;
    results[field] = ok;
    this.#results.set(containerId, results);
    if (this.#results.size > RESULTS_MAX) this.#results.delete(this.#results.keys().next().value!);
    this.#options.onResult(uid, type, ok);
    if (type === "Startup" && ok) this.podChanged(uid);
  }
}
