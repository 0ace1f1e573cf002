/** An API server in memory, nodes that nobody runs, and schedulers to start and stop. @module */
import { Events } from "#api/core/v1/event";
import { Nodes } from "#api/core/v1/node";
import { Pods } from "#api/core/v1/pod";
import type { Pod, PodSpec, Taint } from "#api/core/v1/types.gen";
import { silentLogger, systemClock } from "#apimachinery";
import { createApiServer } from "#apiserver";
import type { Client, InformerFactory, Transport } from "#client";
import { newClient, newEventSeriesRecorder, newInformerFactory } from "#client";
import { runScheduler, type SchedulerOptions } from "#scheduler";
import { openMemoryStore } from "#storage";

export interface SchedulerCluster extends AsyncDisposable {
  readonly client: Client;
  readonly transport: Transport;
  readonly informers: InformerFactory;
  readonly signal: AbortSignal;
  addNode(name: string, shape?: NodeShape): Promise<void>;
  create(pod: Pod): Promise<Pod>;
  /** Each scheduler has informers of its own, as after a restart. */
  startScheduler(options?: Partial<SchedulerOptions>): { stop(): Promise<void> };
  pods(): readonly Pod[];
  /** Those with a node whose name begins so. */
  boundPods(prefix: string): readonly Pod[];
  pod(name: string, fits: (pod: Pod) => boolean): Promise<Pod>;
  /** Looks after every change of a pod or an event. */
  until<R>(what: string, read: () => R | undefined | false): Promise<R>;
}

export interface NodeShape {
  readonly cpu?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly taints?: readonly Taint[];
  readonly unschedulable?: boolean;
}

export interface PodShape {
  readonly cpu?: string;
  readonly priority?: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly spec?: Partial<PodSpec>;
}

const PATIENCE_MS = 60_000;
/** Pods here have no account and name their priority. */
const disabledAdmissionPlugins = [
  "ServiceAccount",
  "TaintNodesByCondition",
  "Priority",
  "StorageObjectInUseProtection",
];

export async function startSchedulerCluster(): Promise<SchedulerCluster> {
  const store = await openMemoryStore();
  const server = await createApiServer({ store, freezeObjects: true, disabledAdmissionPlugins });
  const stop = new AbortController();
  const { signal } = stop;
  const transport = server.transport();
  const client = newClient(transport);
  const informers = newInformerFactory({ client });
  const pods = informers.lister(Pods);
  informers.informer(Pods);
  informers.informer(Events);
  informers.start(signal);
  await informers.waitForSync(signal);
  const schedulers: { stop(): Promise<void> }[] = [];
  const cluster: SchedulerCluster = {
    client,
    transport,
    informers,
    signal,
    async addNode(name, shape) {
      await client.create(Nodes, newNode(name, shape), signal);
    },
    create: (pod) => client.create(Pods, pod, signal),
    startScheduler(options = {}) {
      const started = startScheduler(newClient(transport), options);
      schedulers.push(started);
      return started;
    },
    pods: () => pods.list(),
    boundPods: (prefix) =>
      pods
        .list()
        .filter(({ metadata, spec }) => metadata.name.startsWith(prefix) && (spec?.nodeName ?? "") !== ""),
    pod: (name, fits) =>
      cluster.until(`pod ${name} is as expected`, () =>
        pods.list().find((pod) => pod.metadata.name === name && fits(pod)),
      ),
    until: (what, read) => until(informers, what, read),
    async [Symbol.asyncDispose]() {
      await Promise.all(schedulers.map((scheduler) => scheduler.stop()));
      stop.abort();
      await informers.stopped();
      await server.close();
      await store.close();
    },
  };
  return cluster;
}

function startScheduler(ownClient: Client, options: Partial<SchedulerOptions>): { stop(): Promise<void> } {
  const stop = new AbortController();
  const { signal } = stop;
  const { client = ownClient } = options;
  const informers = newInformerFactory({ client: ownClient });
  const recorder = newEventSeriesRecorder(
    { client, component: options.schedulerName ?? "default-scheduler", host: "here" },
    signal,
  );
  const running = runScheduler(
    { client, informers, recorder, clock: systemClock, random: () => 0, logger: silentLogger, ...options },
    signal,
  );
  return {
    async stop() {
      stop.abort();
      await running;
      await informers.stopped();
    },
  };
}

async function until<R>(
  informers: InformerFactory,
  what: string,
  read: () => R | undefined | false,
): Promise<R> {
  const { promise, resolve, reject } = Promise.withResolvers<R>();
  const look = (): void => {
    const value = read();
    if (value !== undefined && value !== false) resolve(value);
  };
  const keepAlive = setTimeout(() => undefined, PATIENCE_MS); // the clock's timers keep no process alive
  const timer = systemClock.after(PATIENCE_MS, () => {
    const last = informers
      .lister(Pods)
      .list()
      .map(({ metadata, spec, status }) => ({ name: metadata.name, spec: spec?.nodeName, status }));
    reject(new Error(`Waited in vain until ${what}: ${JSON.stringify(last)}`));
  });
  const handler = { onAdd: look, onUpdate: look, onDelete: look };
  const removers = [
    informers.informer(Pods).addEventHandler(handler),
    informers.informer(Events).addEventHandler(handler),
  ];
  look();
  try {
    return await promise;
  } finally {
    clearTimeout(keepAlive);
    timer.cancel();
    removers.forEach((remove) => remove());
  }
}

function newNode(name: string, { cpu = "4", labels = {}, taints, unschedulable }: NodeShape = {}) {
  const amounts = { cpu, memory: "16Gi", pods: "110" };
  return {
    apiVersion: "v1" as const,
    kind: "Node" as const,
    metadata: { name, labels: { "kubernetes.io/hostname": name, ...labels } },
    spec: { ...(taints !== undefined && { taints }), ...(unschedulable !== undefined && { unschedulable }) },
    status: {
      capacity: amounts,
      allocatable: amounts,
      conditions: [{ type: "Ready", status: "True" }],
    },
  };
}

export function newPod(
  name: string,
  { cpu = "100m", priority, labels, annotations, spec = {} }: PodShape = {},
): Pod {
  const container = { name: "c", image: "example.com/web:1", resources: { requests: { cpu } } };
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name,
      namespace: "default",
      ...(labels !== undefined && { labels }),
      ...(annotations !== undefined && { annotations }),
    },
    spec: { ...spec, ...(priority !== undefined && { priority }), containers: [container] },
  };
}
