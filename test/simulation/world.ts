/** What is simulated: one API server that never fails, and processes that reach it over links that do. @module */
import { CronJobs } from "#api/batch/v1/cronjob";
import { Jobs } from "#api/batch/v1/job";
import { ControllerRevisions } from "#api/apps/v1/controllerrevision";
import { DaemonSets } from "#api/apps/v1/daemonset";
import { Deployments } from "#api/apps/v1/deployment";
import { ReplicaSets } from "#api/apps/v1/replicaset";
import { StatefulSets } from "#api/apps/v1/statefulset";
import { Namespaces } from "#api/core/v1/namespace";
import { Nodes } from "#api/core/v1/node";
import { Pods } from "#api/core/v1/pod";
import { Services } from "#api/core/v1/service";
import { EndpointSlices } from "#api/discovery/v1/endpointslice";
import { PodDisruptionBudgets } from "#api/policy/v1/poddisruptionbudget";
import { FakeClock, type Kind, type KubeObject, type Logger } from "#apimachinery";
import { createApiServer, type ApiServer } from "#apiserver";
import {
  newClient,
  newEventRecorder,
  newInformerFactory,
  type Client,
  type SharedInformerFactory,
  type Request,
} from "#client";
import { startManager } from "#controller-runtime";
import { newControllers } from "#controllers";
import { runScheduler } from "#scheduler";
import { openMemoryStore, type Store } from "#storage";
import { Decisions } from "./decisions.ts";
import { strictLogger } from "./defects.ts";
import { FaultyLink } from "./faulty-link.ts";
import type { Random } from "./random.ts";

/** What the truth is kept of, and what caches are compared with it. */
export const WATCHED: readonly Kind[] = [
  Pods,
  Deployments,
  ReplicaSets,
  StatefulSets,
  DaemonSets,
  ControllerRevisions,
  Jobs,
  CronJobs,
  Services,
  EndpointSlices,
  PodDisruptionBudgets,
  Nodes,
  Namespaces,
] as readonly unknown[] as readonly Kind[];

const CONTROLLERS = [
  "namespace-controller",
  "deployment-controller",
  "replicaset-controller",
  "daemonset-controller",
  "statefulset-controller",
  "job-controller",
  "cronjob-controller",
  "ttl-after-finished-controller",
  "disruption-controller",
  "endpointslice-controller",
  "garbage-collector-controller",
  "node-lifecycle-controller",
  "taint-eviction-controller",
  "pod-garbage-collector-controller",
];
const WITHOUT = ["ServiceAccount", "StorageObjectInUseProtection"];
/** Turns of the event loop after which everything that can go on without the simulation has gone on. */
const SETTLE_TURNS = 8;
/** Bookmarks at the usual pace would be most of what there is to deliver. */
const BOOKMARK_INTERVAL_MS = 3_600_000;

export type ProcessName = "kube-controller-manager" | "kube-scheduler";

interface Process {
  readonly link: FaultyLink;
  readonly informers: SharedInformerFactory;
  readonly stop: AbortController;
  readonly stopped: Promise<void>;
}

export interface WorldOptions {
  readonly random: Random;
  readonly logger?: Logger;
  readonly isFaulty: () => boolean;
  readonly onAmbiguous: (request: Request) => void;
  /** A process sends a request. */
  readonly onIssued: (name: ProcessName, request: Request) => void;
  /** A controller decided what it must not, or failed as no server made it fail; in words. */
  readonly onDefect: (what: string) => void;
}

export class World implements AsyncDisposable {
  readonly clock: FakeClock;
  readonly client: Client;
  /** Follows the server without delay. */
  readonly truth: SharedInformerFactory;
  readonly processes: Map<ProcessName, Process> = new Map();
  readonly #server: ApiServer;
  readonly #store: Store;
  readonly #options: WorldOptions;
  readonly #logger: Logger;
  readonly #stop = new AbortController();

  private constructor(
    server: ApiServer,
    store: Store,
    clock: FakeClock,
    options: WorldOptions,
    logger: Logger,
  ) {
    this.clock = clock;
    this.#server = server;
    this.#store = store;
    this.#options = options;
    this.#logger = logger;
    this.client = newClient(server.transport(), { userAgent: "simulation" });
    this.truth = newInformerFactory({
      client: this.client,
      clock,
      random: options.random.next,
      logger,
      freeze: false,
    });
    for (const kind of WATCHED) this.truth.informer(kind);
  }

  static async start(options: WorldOptions): Promise<World> {
    const clock = new FakeClock();
    const store = await openMemoryStore();
    const logger = strictLogger(options.onDefect, options.logger);
    const server = await createApiServer({
      store,
      clock,
      random: options.random.next,
      logger,
      disabledAdmissionPlugins: WITHOUT,
      freezeObjects: true,
      compactionIntervalMs: 0,
      limits: { bookmarkIntervalMs: BOOKMARK_INTERVAL_MS },
    });
    return new World(server, store, clock, options, logger);
  }

  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  links(): readonly FaultyLink[] {
    return [...this.processes.values()].map(({ link }) => link);
  }

  revision(): Promise<number> {
    return this.#store.revision();
  }

  /** Call once the handlers of the truth are registered. */
  async follow(): Promise<void> {
    this.truth.start(this.signal);
    await this.truth.waitForSync(this.signal);
  }

  async startProcess(name: ProcessName): Promise<void> {
    const { random, isFaulty, onAmbiguous, onIssued, onDefect } = this.#options;
    const { clock } = this;
    const logger = this.#logger;
    const link: FaultyLink = new FaultyLink({
      name,
      transport: this.#server.transport(),
      random,
      isFaulty,
      onAmbiguous,
      onIssued: (request) => {
        onIssued(name, request);
        decisions.issued(request);
      },
      onAnswered: (request, response) => decisions.answered(request, response),
    });
    const stop = new AbortController();
    const client = newClient(link, { userAgent: name });
    const informers = newInformerFactory({ client, clock, random: random.next, logger, freeze: false });
    const decisions = new Decisions(informers, onDefect);
    const recorder = newEventRecorder(
      { client, component: name, clock, random: random.next, logger },
      stop.signal,
    );
    const context = { client, informers, recorder, clock, logger, random: random.next };
    const running =
      name === "kube-scheduler"
        ? runScheduler(context, stop.signal)
        : startManager(
            {
              ...context,
              controllers: decisions.observe(newControllers(context, { names: CONTROLLERS })),
            },
            stop.signal,
          ).stopped;
    const stopped = Promise.all([running, informers.stopped()]).then(() => {});
    stopped.catch((err: unknown) => onDefect(`${name} ended: ${String(err)}`));
    this.processes.set(name, { link, informers, stop, stopped });
    await settle();
  }

  /** What is under way is applied or lost now: a process that comes later must not be surprised by it. */
  async stopProcess(name: ProcessName): Promise<void> {
    const running = this.processes.get(name);
    if (running === undefined) return;
    const { link, stop, stopped } = running;
    for (const pending of link.pending.slice()) {
      if (this.#options.random.chance(0.5)) await link.deliver(pending, "ok");
    }
    stop.abort(new Error("The process ended"));
    link.cut();
    this.processes.delete(name);
    await stopped;
    await settle();
  }

  lister<T extends KubeObject>(kind: Kind<T>): readonly T[] {
    return this.truth.lister(kind).list();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const name of this.processes.keys()) await this.stopProcess(name);
    this.#stop.abort(new Error("The simulation ended"));
    await this.#server.close();
    await this.#store.close();
  }
}

/** Until nothing goes on by itself. */
export async function settle(): Promise<void> {
  for (let i = 0; i < SETTLE_TURNS; i++) await new Promise<void>((resolve) => void setImmediate(resolve));
}
