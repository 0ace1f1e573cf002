/** Runs controllers: caches first, then workers, and all of it only while leading. @module */
import { runLeaderElection, type EventRecorder, type LeaderElectionOptions } from "#client";
import type { Controller, ControllerConstructor, ControllerContext } from "./controller.ts";
import { ControllerRunner } from "./controller-runner.ts";

export interface ManagerOptions extends ControllerContext {
  readonly controllers: readonly (Controller | ControllerConstructor)[];
  /** Absent: this process is the only candidate. */
  readonly leaderElection?: Pick<
    LeaderElectionOptions,
    "lease" | "identity" | "leaseDurationMs" | "renewDeadlineMs" | "retryPeriodMs" | "onNewLeader"
  >;
  readonly random?: () => number;
}

export interface Manager {
  /** Resolves when the caches are filled and the controllers work; with leader election that may be never. Rejects when stopped before. */
  readonly ready: Promise<void>;
  /** Resolves when everything has ended after the signal aborted. Rejects with `LeadershipLost`; the process should then exit. */
  readonly stopped: Promise<void>;
  /** Brings gauges up to date; called when somebody reads the metrics. */
  collect(): void;
}

/** Another candidate may be working by now. */
export class LeadershipLost extends Error {
  override readonly name = "LeadershipLost";
}

/** Starts what `options` name; runs until `signal` aborts. Await `stopped`: it is the end of every task started here. */
export function startManager(options: ManagerOptions, signal: AbortSignal): Manager {
  const runners = options.controllers.map((controller) => newRunner(options, controller));
  const ready = Promise.withResolvers<void>();
  const work = async (workSignal: AbortSignal): Promise<void> => {
    // The informers are shared with others in the process: they end with it, not with our leadership.
    options.informers.start(signal);
    await options.informers.waitForSync(workSignal);
    const running = runners.map((runner) => runner.run(workSignal));
    options.logger.info("Controllers started", { controllers: runners.length });
    ready.resolve();
    await Promise.all(running);
  };
  const stopped = run(options, work, signal).finally(() => {
    for (const runner of runners) runner.stop();
    ready.reject(signal.reason ?? new Error("The manager stopped before it was ready"));
  });
  // Whoever waits sees these; nobody has to.
  ready.promise.catch(() => {});
  stopped.catch(() => {});
  return {
    ready: ready.promise,
    stopped,
    collect: () => runners.forEach((runner) => runner.collect()),
  };
}

async function run(
  options: ManagerOptions,
  work: (signal: AbortSignal) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  try {
    if (options.leaderElection === undefined) return await work(signal);
    const { client, clock, logger, random, metrics, recorder } = options;
    const election = {
      ...options.leaderElection,
      client,
      clock,
      logger,
      recorder,
      ...(random !== undefined && { random }),
      ...(metrics !== undefined && { metrics }),
      onStartedLeading: work,
    };
    await runLeaderElection(election, signal);
  } catch (err) {
    if (!signal.aborted) throw err;
  }
  if (!signal.aborted) throw new LeadershipLost(`Lost the lease ${options.leaderElection?.lease.name}`);
}

function newRunner(options: ManagerOptions, made: Controller | ControllerConstructor): ControllerRunner {
  const { client, informers, clock, logger, recorder, metrics } = options;
  let controller: Controller;
  if (typeof made === "function") {
    const named: EventRecorder = {
      event: (about, type, reason, message, event = {}) => {
        const component = controller.eventSource ?? `${controller.name}-controller`;
        recorder.event(about, type, reason, message, { component, ...event });
      },
    };
    const context = { client, informers, clock, logger, recorder: named };
    controller = made({ ...context, ...(metrics !== undefined && { metrics }) });
  } else controller = made;
  return new ControllerRunner({ controller, informers, clock, logger, metrics });
}
