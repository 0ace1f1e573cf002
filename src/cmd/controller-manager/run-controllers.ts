/** The controllers with their manager and metrics, wherever they run: in the server's process or in one of their own. @module */
import type { Clock, Logger } from "#apimachinery";
import { newEventRecorder, type Client, type InformerFactory } from "#client";
import type { Metrics } from "#component-base";
import type { ControllerOptions } from "#controllers";
import type { Controller, ControllerContext, ManagerOptions } from "#controller-runtime";

export interface ControllersRun {
  /** As kube-controller-manager itself. */
  readonly client: Client;
  readonly informers: InformerFactory;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly options: ControllerOptions;
  /** Absent: nobody else works on this cluster. */
  readonly election?: ManagerOptions["leaderElection"];
  /** Controllers of this program that are none of kube-controller-manager's. */
  readonly others?: (context: ControllerContext) => readonly Controller[];
}

/** Until `signal` aborts; rejects with `LeadershipLost`, after which the process must end. */
export async function runControllers(run: ControllersRun, signal: AbortSignal): Promise<void> {
  const { client, informers, clock, random, logger, metrics, options, election, others } = run;
  const [{ controllerMetricDefinitions, newControllers }, { startManager }] = await Promise.all([
    import("#controllers"),
    import("#controller-runtime"),
  ]);
  metrics.declare(controllerMetricDefinitions);
  const recorder = newEventRecorder(
    { client, component: "controllermanager", clock, random, logger },
    signal,
  );
  const context = { client, informers, recorder, clock, logger, random, metrics };
  const controllers = [...newControllers(context, options), ...(others?.(context) ?? [])];
  const manager = startManager(
    { ...context, controllers, ...(election !== undefined && { leaderElection: election }) },
    signal,
  );
  metrics.onExpose(() => manager.collect());
  await manager.stopped;
}
