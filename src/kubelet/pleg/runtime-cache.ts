/** The state of every pod in the runtime, kept fresh by its events and by looking after our own actions. @module */
import { type Clock, type Logger, pause, WakeablePause } from "#apimachinery";
import type { ContainerEvent, RuntimeService } from "#cri";
import { POD_UID_LABEL } from "../container/labels.ts";
import type { RuntimePod } from "../container/runtime-pod.ts";
import { sortPodIPs } from "../network/sort-pod-ips.ts";
import { inspectPod, type ReadTerminationMessage } from "./inspect.ts";

export interface RuntimeCacheOptions {
  readonly runtime: RuntimeService;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly readMessage: ReadTerminationMessage;
  /** Called after the cache shows a change that we did not look for; `asksForWork` unless it is only a start. */
  readonly onChange: (uid: string, asksForWork: boolean) => void;
  /** Told of every listing that worked, in monotonic time; `beforeMs` is when the one before began. */
  readonly onRelist?: (startMs: number, endMs: number, beforeMs: number | undefined) => void;
  /** Told how long it took to read one pod. */
  readonly onRead?: (ms: number) => void;
  /** The primary one first: pods' addresses come in the same order. */
  readonly nodeIPs?: readonly string[];
  /** Ends readings under way. Not a caller's: several callers may share one reading. */
  readonly signal: AbortSignal;
}

/** Everything is listed again this often, in case an event was lost. */
const RELIST_PERIOD_MS = 60_000;
/** An event about a container we do not know yet: list soon, once for many. */
const UNKNOWN_RELIST_DELAY_MS = 100;
/** Pods that are read from the runtime at the same time during a relist. */
const INSPECT_PARALLEL = 8;
const RETRY_DELAY_MS = 1000;

interface Refresh {
  running: Promise<RuntimePod | undefined>;
  next: Promise<RuntimePod | undefined> | undefined;
}

export class RuntimeCache {
  readonly #options: RuntimeCacheOptions;
  readonly #pods = new Map<string, RuntimePod>();
  readonly #uidOf = new Map<string, string>();
  /** Pods of which the next reading takes nothing for known. */
  readonly #invalid = new Set<string>();
  readonly #refreshes = new Map<string, Refresh>();
  /** The last relist that worked; health checks look at it. */
  #relistedAtMs: number | undefined;
  #relistBeganMs: number | undefined;
  #relistSoon = false;
  readonly #rest: WakeablePause;

  constructor(options: RuntimeCacheOptions) {
    this.#options = options;
    this.#rest = new WakeablePause(options.clock);
  }

  get relistedAtMs(): number | undefined {
    return this.#relistedAtMs;
  }

  get(uid: string): RuntimePod | undefined {
    return this.#pods.get(uid);
  }

  list(): readonly RuntimePod[] {
    return [...this.#pods.values()];
  }

  /** Reads the pod from the runtime. The answer is newer than the call; calls that come together share one reading. */
  refresh(uid: string): Promise<RuntimePod | undefined> {
    const current = this.#refreshes.get(uid);
    if (current === undefined) {
      const entry: Refresh = { running: this.#read(uid), next: undefined };
      this.#refreshes.set(uid, entry);
      void this.#advance(uid, entry);
      return entry.running;
    }
    current.next ??= current.running.then(
      () => this.#read(uid),
      () => this.#read(uid),
    );
    return current.next;
  }

  /** What is known of the pod's containers may have changed though their state has not. */
  invalidate(uid: string): void {
    this.#invalid.add(uid);
  }

  /** Runs until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#followEvents(signal), this.#relistPeriodically(signal)]);
  }

  /** Lists everything and reads what differs from the cache. */
  async relist(signal: AbortSignal): Promise<void> {
    const { runtime, clock, onChange, onRelist } = this.#options;
    const startMs = clock.monotonicMs();
    const [sandboxes, containers] = await Promise.all([
      runtime.listPodSandbox({}, signal),
      runtime.listContainers({}, signal),
    ]);
    const seen = new Map<string, Set<string>>();
    const note = (labels: Readonly<Record<string, string>>, what: string): void => {
      const uid = labels[POD_UID_LABEL];
      if (uid === undefined) return;
      seen.set(uid, (seen.get(uid) ?? new Set()).add(what));
    };
    for (const { id, state, labels } of sandboxes) note(labels, `${id} ${state === "SANDBOX_READY"}`);
    for (const { id, state, labels } of containers) note(labels, `${id} ${state}`);

    const stale = [...new Set([...seen.keys(), ...this.#pods.keys()])].filter(
      (uid) => !sameMembers(seen.get(uid) ?? new Set(), fingerprint(this.#pods.get(uid))),
    );
    for (let at = 0; at < stale.length; at += INSPECT_PARALLEL) {
      const slice = stale.slice(at, at + INSPECT_PARALLEL);
      await Promise.all(slice.map((uid) => this.refresh(uid)));
      for (const uid of slice) onChange(uid, true);
    }
    this.#relistedAtMs = clock.now();
    onRelist?.(startMs, clock.monotonicMs(), this.#relistBeganMs);
    this.#relistBeganMs = startMs;
  }

  async #read(uid: string): Promise<RuntimePod | undefined> {
    const { runtime, clock, readMessage, nodeIPs = [], onRead, signal } = this.#options;
    const startMs = clock.monotonicMs();
    const before = this.#pods.get(uid);
    const known = before !== undefined && this.#invalid.delete(uid) ? { ...before, containers: [] } : before;
    const read = await inspectPod(runtime, uid, known, readMessage, signal);
    onRead?.(clock.monotonicMs() - startMs);
    const pod = read && { ...read, ips: sortPodIPs(read.ips, nodeIPs) };
    for (const { id } of [...(before?.sandboxes ?? []), ...(before?.containers ?? [])])
      this.#uidOf.delete(id);
    if (pod === undefined) {
      this.#pods.delete(uid);
      this.#invalid.delete(uid);
    } else {
      this.#pods.set(uid, pod);
      for (const { id } of [...pod.sandboxes, ...pod.containers]) this.#uidOf.set(id, uid);
    }
    return pod;
  }

  /** Whoever asked handles a failure; here only the order of readings matters. */
  async #advance(uid: string, entry: Refresh): Promise<void> {
    for (;;) {
      await entry.running.catch(() => undefined);
      if (entry.next === undefined) break;
      entry.running = entry.next;
      entry.next = undefined;
    }
    this.#refreshes.delete(uid);
  }

  async #followEvents(signal: AbortSignal): Promise<void> {
    const { runtime, logger, clock } = this.#options;
    while (!signal.aborted) {
      try {
        for await (const event of runtime.containerEvents(signal)) {
          if (event === "resync") await this.relist(signal);
          else this.#handle(event);
        }
      } catch (err) {
        if (!signal.aborted) logger.warn("Following the runtime's events failed", { err });
      }
      if (!signal.aborted) await pause(clock, RETRY_DELAY_MS, signal);
    }
  }

  #handle(event: ContainerEvent): void {
    const uid = this.#uidOf.get(event.containerId) ?? event.podSandboxStatus?.metadata.uid;
    const isEnd = event.type === "CONTAINER_STOPPED_EVENT" || event.type === "CONTAINER_DELETED_EVENT";
    if (uid !== undefined) {
      // Reading must not hold up the next event; a failure is repaired by the relist that follows.
      void this.refresh(uid).then(
        () => this.#options.onChange(uid, isEnd),
        () => this.#requestRelist(),
      );
    } else if (isEnd) this.#requestRelist();
  }

  #requestRelist(): void {
    this.#relistSoon = true;
    this.#rest.wake();
  }

  async #relistPeriodically(signal: AbortSignal): Promise<void> {
    const { logger, clock } = this.#options;
    while (!signal.aborted) {
      if (!this.#relistSoon) await this.#rest.wait(RELIST_PERIOD_MS, signal);
      // What asked for a relist seldom comes alone.
      if (this.#relistSoon) await pause(clock, UNKNOWN_RELIST_DELAY_MS, signal);
      if (signal.aborted) return;
      this.#relistSoon = false;
      try {
        await this.relist(signal);
      } catch (err) {
        if (!signal.aborted) logger.warn("Listing the runtime's pods failed", { err });
      }
    }
  }
}

function fingerprint(pod: RuntimePod | undefined): ReadonlySet<string> {
  const set = new Set<string>();
  for (const { id, ready } of pod?.sandboxes ?? []) set.add(`${id} ${ready}`);
  for (const { id, state } of pod?.containers ?? []) set.add(`${id} CONTAINER_${state.toUpperCase()}`);
  return set;
}

function sameMembers(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  return a.size === b.size && a.isSubsetOf(b);
}
