/** `k8ts kube-scheduler`: the scheduler as a process of its own, a client of any API server. @module */
import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { parseDuration, type Clock } from "#apimachinery";
import {
  newClient,
  newEventRecorder,
  newEventSeriesRecorder,
  newInformerFactory,
  trimManagedFields,
} from "#client";
import { clientConfigOf, loadKubeconfig, newHttpTransport } from "#client/node";
import { Metrics } from "#component-base";
import {
  loadSchedulerConfiguration,
  parseSchedulerConfiguration,
  runScheduler,
  schedulerMetrics,
} from "#scheduler";
import { componentLogger } from "../component-log.ts";
import { whileLeading } from "../while-leading.ts";

export interface KubeSchedulerFlags {
  readonly config?: string;
  readonly kubeconfig?: string;
  /** Instead of what the configuration says. */
  readonly leaderElect?: boolean;
  readonly logDir?: string;
}

const DEFAULT_CONFIGURATION =
  "apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\n";

/** Until `signal` aborts; rejects when leadership was lost. */
export async function runKubeScheduler(
  flags: KubeSchedulerFlags,
  clock: Clock,
  random: () => number,
  signal: AbortSignal,
): Promise<void> {
  const config =
    flags.config === undefined
      ? parseSchedulerConfiguration(DEFAULT_CONFIGURATION)
      : await loadSchedulerConfiguration(flags.config);
  const { leaderElection, clientConnection } = config;
  const explicitPath = flags.kubeconfig ?? clientConnection.kubeconfig;
  if (explicitPath === "") throw new Error("--kubeconfig or clientConnection.kubeconfig is needed");
  const kubeconfig = await loadKubeconfig({ explicitPath, env: {}, homeDir: "/" });
  const logger = componentLogger("kube-scheduler", flags.logDir, clock);
  const metrics = new Metrics(schedulerMetrics);
  metrics.describeComponent(clock.now());
  const transport = newHttpTransport(clientConfigOf(kubeconfig, {}), { clock, random, logger, metrics });
  const client = newClient(transport, { userAgent: "kube-scheduler" });
  const recorder = newEventRecorder(
    { client, component: "default-scheduler", clock, random, logger },
    signal,
  );
  // Of pods; the election tells of itself by events of the older kind, as upstream.
  const podRecorder = newEventSeriesRecorder(
    { client, component: "default-scheduler", host: hostname(), clock, random, logger },
    signal,
  );
  const work = async (stop: AbortSignal): Promise<void> => {
    const informers = newInformerFactory({ client, transform: trimManagedFields });
    await runScheduler(
      { client, informers, recorder: podRecorder, clock, random, logger, metrics, config },
      stop,
    );
    await informers.stopped();
  };
  try {
    const { resourceNamespace: namespace, resourceName: name } = leaderElection;
    const election = {
      lease: { namespace, name },
      identity: `${hostname()}_${randomUUID()}`,
      leaseDurationMs: parseDuration(leaderElection.leaseDuration),
      renewDeadlineMs: parseDuration(leaderElection.renewDeadline),
      retryPeriodMs: parseDuration(leaderElection.retryPeriod),
    };
    const isElected = flags.leaderElect ?? leaderElection.leaderElect;
    const candidate = { client, clock, random, logger, metrics, recorder, work };
    await whileLeading(isElected ? election : undefined, candidate, signal);
  } finally {
    await transport.close();
  }
}
