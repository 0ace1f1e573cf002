/**
 * Leader election over a Lease: of many candidates one works at a time. Upstream's algorithm: clocks of different machines are
 * never compared; a lease is over when it did not change for its duration on the observer's own clock.
 * @module
 */
import {
  type Clock,
  deadline,
  formatMicroTime,
  isConflict,
  isNotFound,
  jsonEqual,
  type Logger,
  pause,
  silentLogger,
  systemClock,
} from "#apimachinery";
import { childAbort } from "./abort.ts";
import type { Client, EventRecorder } from "./client.ts";
import { LeaseLock, type LeaderElectionRecord } from "./lease-lock.ts";
import { CLIENT_METRICS, type MetricsSink } from "./metrics.ts";

export interface LeaderElectionOptions {
  readonly client: Pick<Client, "get" | "create" | "update">;
  readonly lease: { readonly namespace: string; readonly name: string };
  /** Unique among the candidates: `HOSTNAME_UUID`. */
  readonly identity: string;
  /** How long others wait for a leader that fell silent. Default 15 s. */
  readonly leaseDurationMs?: number;
  /** How long a leader tries to renew before it gives up. Default 10 s. */
  readonly renewDeadlineMs?: number;
  /** Between tries. Default 2 s. */
  readonly retryPeriodMs?: number;
  /** Give the lease up at once on a clean stop. Default true. */
  readonly releaseOnCancel?: boolean;
  /** Does the work until its signal aborts, which is when leadership ends. The lease is not released before it resolves. */
  readonly onStartedLeading: (signal: AbortSignal) => Promise<void>;
  readonly onStoppedLeading?: () => void;
  readonly onNewLeader?: (identity: string) => void;
  /** Tells of the lease's leaders in events. */
  readonly recorder?: EventRecorder;
  readonly clock?: Clock;
  readonly random?: () => number;
  readonly logger?: Logger;
  readonly metrics?: MetricsSink;
}

/** Candidates that wait come back after 1 to 2.2 periods. */
const JITTER_FACTOR = 1.2;
const MS_PER_SECOND = 1_000;

/**
 * Waits for the lease, works, and resolves when leadership was lost or `signal` aborted. A process whose leadership is
 * lost should exit: its state may be stale. Rejects when the work itself fails.
 */
export async function runLeaderElection(options: LeaderElectionOptions, signal: AbortSignal): Promise<void> {
  await new LeaderElector(options).run(signal);
}

class LeaderElector {
  readonly #options: LeaderElectionOptions;
  readonly #lock: LeaseLock;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #logger: Logger;
  readonly #leaseDurationMs: number;
  readonly #renewDeadlineMs: number;
  readonly #retryPeriodMs: number;
  /** The record last seen, and when on our own clock it was first seen so. */
  #observed: LeaderElectionRecord | undefined;
  #observedMs = 0;
  #reportedLeader = "";

  constructor(options: LeaderElectionOptions) {
    this.#options = options;
    this.#lock = new LeaseLock(options.client, options.lease);
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? Math.random;
    this.#logger = (options.logger ?? silentLogger).child({ lease: this.#lock.description });
    this.#leaseDurationMs = options.leaseDurationMs ?? 15_000;
    this.#renewDeadlineMs = options.renewDeadlineMs ?? 10_000;
    this.#retryPeriodMs = options.retryPeriodMs ?? 2_000;
    if (options.identity === "") throw new RangeError("Leader election needs an identity");
    if (this.#leaseDurationMs <= this.#renewDeadlineMs)
      throw new RangeError("leaseDurationMs must be greater than renewDeadlineMs");
    if (this.#renewDeadlineMs <= JITTER_FACTOR * this.#retryPeriodMs)
      throw new RangeError(`renewDeadlineMs must be greater than ${JITTER_FACTOR} times retryPeriodMs`);
    if (this.#retryPeriodMs < 1) throw new RangeError("retryPeriodMs must be positive");
  }

  async run(signal: AbortSignal): Promise<void> {
    if (!(await this.#acquire(signal))) return;
    this.#setMasterStatus(1);
    this.#tell("became leader");
    const work = childAbort(signal);
    // A failure of the work ends leadership too; it is rethrown below, once the lease is released.
    let failure: { readonly err: unknown } | undefined;
    const working = this.#options
      .onStartedLeading(work.signal)
      .catch((err: unknown) => {
        if (!work.signal.aborted) failure = { err };
      })
      .finally(() => work.abort());
    try {
      await this.#renewUntilLost(work.signal);
    } finally {
      work.abort();
      work[Symbol.dispose]();
      await working;
      this.#setMasterStatus(0);
      this.#tell("stopped leading");
      if (this.#options.releaseOnCancel ?? true) await this.#release();
      this.#options.onStoppedLeading?.();
    }
    if (failure !== undefined) throw failure.err;
  }

  /** Resolves with false when `signal` aborts first. */
  async #acquire(signal: AbortSignal): Promise<boolean> {
    this.#logger.info("Attempting to acquire leader lease");
    while (!signal.aborted) {
      const acquired = await this.#try(this.#renewDeadlineMs, signal);
      this.#reportTransition();
      if (acquired) {
        this.#logger.info("Successfully acquired lease");
        return true;
      }
      await pause(this.#clock, this.#retryPeriodMs * (1 + JITTER_FACTOR * this.#random()), signal);
    }
    return false;
  }

  async #renewUntilLost(signal: AbortSignal): Promise<void> {
    let renewedMs = this.#clock.monotonicMs();
    while (!signal.aborted) {
      await pause(this.#clock, this.#retryPeriodMs, signal);
      if (signal.aborted) return;
      const leftMs = renewedMs + this.#renewDeadlineMs - this.#clock.monotonicMs();
      const renewed = leftMs > 0 && (await this.#try(leftMs, signal));
      this.#reportTransition();
      const nowMs = this.#clock.monotonicMs();
      if (renewed) renewedMs = nowMs;
      else if (nowMs - renewedMs >= this.#renewDeadlineMs || !this.#isLeader()) {
        if (!signal.aborted)
          this.#logger.error("Failed to renew lease", { leader: this.#observed?.holderIdentity });
        return;
      }
    }
  }

  /** One try that takes at most `timeoutMs`; failures are logged. */
  async #try(timeoutMs: number, signal: AbortSignal): Promise<boolean> {
    using limit = childAbort(signal);
    const timer = this.#clock.after(timeoutMs, () => limit.abort(new Error(`No answer in ${timeoutMs} ms`)));
    try {
      return await this.#tryAcquireOrRenew(limit.signal);
    } catch (err) {
      if (!signal.aborted) this.#logger.warn("Failed to acquire or renew lease", { err });
      return false;
    } finally {
      timer.cancel();
    }
  }

  async #tryAcquireOrRenew(signal: AbortSignal): Promise<boolean> {
    if (this.#isLeader() && this.#isLeaseValid()) {
      try {
        await this.#write("update", this.#observed, signal);
        return true;
      } catch (err) {
        if (signal.aborted) throw err;
        this.#logger.debug("Failed to update lease optimistically, reading it again", { err });
        this.#options.metrics?.inc(CLIENT_METRICS.leaderElectionSlowpath, this.#labels());
      }
    }
    let found: LeaderElectionRecord;
    try {
      found = await this.#lock.get(signal);
    } catch (err) {
      if (!isNotFound(err)) throw err;
      await this.#write("create", undefined, signal);
      return true;
    }
    if (!jsonEqual(found, this.#observed)) this.#observe(found);
    if (found.holderIdentity !== "" && this.#isLeaseValid() && !this.#isLeader()) return false;
    await this.#write("update", found, signal);
    return true;
  }

  /** Makes us the holder. `previous` is the record this one follows; undefined: there was none. */
  async #write(
    verb: "create" | "update",
    previous: LeaderElectionRecord | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const now = formatMicroTime(this.#clock.now());
    const goesOn = previous !== undefined && previous.holderIdentity === this.#options.identity;
    const record: LeaderElectionRecord = {
      holderIdentity: this.#options.identity,
      leaseDurationSeconds: Math.floor(this.#leaseDurationMs / MS_PER_SECOND),
      acquireTime: goesOn ? previous.acquireTime : now,
      renewTime: now,
      leaderTransitions: previous === undefined ? 0 : previous.leaderTransitions + (goesOn ? 0 : 1),
    };
    await this.#lock[verb](record, signal);
    this.#observe(record);
  }

  async #release(): Promise<void> {
    if (!this.#isLeader()) return;
    using limit = deadline(this.#clock, this.#renewDeadlineMs, new Error("Release timed out"));
    try {
      while (!(await this.#tryRelease(limit.signal)));
    } catch (err) {
      this.#logger.warn("Failed to release lease", { err });
    }
  }

  /** Resolves with false when somebody wrote in between: read again. */
  async #tryRelease(signal: AbortSignal): Promise<boolean> {
    const found = await this.#lock.get(signal);
    if (found.holderIdentity !== this.#options.identity) return true;
    const now = formatMicroTime(this.#clock.now());
    const { leaderTransitions } = found;
    const record = {
      holderIdentity: "",
      leaseDurationSeconds: 1,
      acquireTime: now,
      renewTime: now,
      leaderTransitions,
    };
    try {
      await this.#lock.update(record, signal);
    } catch (err) {
      if (isConflict(err)) return false;
      throw err;
    }
    this.#observe(record);
    return true;
  }

  #observe(record: LeaderElectionRecord): void {
    this.#observed = record;
    this.#observedMs = this.#clock.monotonicMs();
  }

  #isLeader(): boolean {
    return this.#observed?.holderIdentity === this.#options.identity;
  }

  #isLeaseValid(): boolean {
    const durationMs = (this.#observed?.leaseDurationSeconds ?? 0) * MS_PER_SECOND;
    return this.#observedMs + durationMs > this.#clock.monotonicMs();
  }

  #reportTransition(): void {
    const leader = this.#observed?.holderIdentity ?? "";
    if (leader === this.#reportedLeader) return;
    this.#reportedLeader = leader;
    if (leader !== "") this.#options.onNewLeader?.(leader);
  }

  #tell(what: string): void {
    const { recorder, identity } = this.#options;
    const lease = this.#lock.object;
    if (lease !== undefined) recorder?.event(lease, "Normal", "LeaderElection", `${identity} ${what}`);
  }

  #setMasterStatus(value: 0 | 1): void {
    this.#options.metrics?.set(CLIENT_METRICS.leaderElectionMasterStatus, this.#labels(), value);
  }

  #labels(): { readonly name: string } {
    return { name: this.#options.lease.name };
  }
}
