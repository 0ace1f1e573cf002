/** An API server with nodes that nobody runs, a scheduler, and a count of the pods that are bound. @module */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Namespaces } from "#api/core/v1/namespace";
import { Nodes } from "#api/core/v1/node";
import { Pods } from "#api/core/v1/pod";
import type { Node, Pod } from "#api/core/v1/types.gen";
import { silentLogger, systemClock } from "#apimachinery";
import { createApiServer } from "#apiserver";
import { newClient, newEventRecorder, newInformerFactory, type Client, type InformerFactory } from "#client";
import { runScheduler } from "#scheduler";
import { openLmdbStore, openMemoryStore, type Store } from "#storage";
import { createBoundClaim } from "./volumes.ts";
import { newPod, type PodTemplate } from "./workloads.ts";

export type StoreName = "memory" | "lmdb";

export interface BenchCluster extends AsyncDisposable {
  readonly client: Client;
  /** Scheduling cycles so far that ended without a node. */
  readonly failedAttempts: number;
  createNodes(count: number, zones: readonly string[]): Promise<void>;
  createNamespaces(count: number, labels: Readonly<Record<string, string>>): Promise<void>;
  /** Only the first node is without a taint. */
  taintNodes(count: number): Promise<void>;
  /** For pods of a template with a volume. */
  createClaims(template: PodTemplate, count: number, namespace: string): Promise<void>;
  /** Pods that nobody waits for. */
  createPodsOnly(template: PodTemplate, count: number, namespace: string): Promise<void>;
  /** Resolves when all of them are bound, by the scheduler or by `bind`. */
  createPods(template: PodTemplate, count: number, namespace: string, bind?: Binder): Promise<void>;
  startScheduler(): Promise<void>;
  /** Pods are bound by `createPods` alone from now on. */
  stopScheduler(): Promise<void>;
}

export type Binder = (pod: Pod, i: number) => Promise<void>;

/** Creates under way at the same time, as many clients would have. */
const CREATES_MAX = 64;
/** As scheduler_perf turns them off, so that pods need no account and may name their priority. */
const disabledAdmissionPlugins = [
  "ServiceAccount",
  "TaintNodesByCondition",
  "Priority",
  "StorageObjectInUseProtection",
];

export async function startBenchCluster(storeName: StoreName): Promise<BenchCluster> {
  const path = await mkdtemp(join(tmpdir(), "k8ts-bench-scheduler-"));
  const store: Store = storeName === "memory" ? await openMemoryStore() : await openLmdbStore({ path });
  const server = await createApiServer({ store, disabledAdmissionPlugins });
  const stop = new AbortController();
  const { signal } = stop;
  const client = newClient(server.transport());
  const informers = newInformerFactory({ client, freeze: false });
  const recorder = newEventRecorder({ client, component: "default-scheduler" }, signal);
  let failedAttempts = 0;
  const metrics = {
    inc(name: string, { result }: Readonly<Record<string, string>>) {
      if (name === "scheduler_schedule_attempts_total" && result !== "scheduled") failedAttempts++;
    },
    set: () => undefined,
    observe: () => undefined,
  };
  const keepAlive = setInterval(() => undefined, 60_000); // the scheduler's own timers keep no process alive
  const untilBound = countBound(informers);
  let scheduler: Promise<void> | undefined;
  const stopScheduling = new AbortController();
  for (const name of ["sched-0", "sched-1"]) {
    await client.create(Namespaces, { apiVersion: "v1", kind: "Namespace", metadata: { name } }, signal);
  }
  informers.start(signal);
  await informers.waitForSync(signal);
  return {
    client,
    get failedAttempts() {
      return failedAttempts;
    },
    ...objectCreators(client, signal),
    async createPods(template, count, namespace, bind) {
      const allBound = untilBound(count);
      await inParallel(count, async (i) => {
        const pod = await client.create(Pods, newPod(template, i, namespace), signal);
        await bind?.(pod, i);
      });
      await allBound;
    },
    async startScheduler() {
      const options = { client, informers, recorder, clock: systemClock, random: Math.random, metrics };
      scheduler = runScheduler({ ...options, logger: silentLogger }, stopScheduling.signal);
      await informers.waitForSync(signal);
    },
    async stopScheduler() {
      stopScheduling.abort();
      await scheduler;
    },
    async [Symbol.asyncDispose]() {
      clearInterval(keepAlive);
      stopScheduling.abort();
      await scheduler;
      stop.abort();
      await informers.stopped();
      await server.close();
      await store.close();
      await rm(path, { recursive: true, force: true });
    },
  };
}

type ObjectCreators = Pick<
  BenchCluster,
  "createNodes" | "createNamespaces" | "taintNodes" | "createPodsOnly" | "createClaims"
>;

/** What needs no scheduler. */
function objectCreators(client: Client, signal: AbortSignal): ObjectCreators {
  return {
    createNodes: (count, zones) =>
      inParallel(count, async (i) => {
        await client.create(Nodes, newNode(i, zones), signal);
      }),
    createNamespaces: (count, labels) =>
      inParallel(count, async (i) => {
        const metadata = { name: `init-ns-${i}`, labels };
        await client.create(Namespaces, { apiVersion: "v1", kind: "Namespace", metadata }, signal);
      }),
    async taintNodes(count) {
      await inParallel(count - 1, async (i) => {
        const body = { spec: { taints: [{ key: "busy", effect: "NoSchedule" }] } };
        await client.patch(Nodes, { name: `scheduler-perf-${i + 1}` }, { type: "merge", body }, signal);
      });
      const amounts = { pods: "90000", cpu: "90000", memory: "90000Gi" };
      const body = { status: { capacity: amounts, allocatable: amounts } };
      const first = { name: "scheduler-perf-0" };
      await client.patch(Nodes, first, { type: "merge", body }, signal, { subresource: "status" });
    },
    createPodsOnly: (template, count, namespace) =>
      inParallel(count, async (i) => {
        await client.create(Pods, newPod(template, i, namespace), signal);
      }),
    createClaims: (template, count, namespace) =>
      inParallel(count, (i) =>
        createBoundClaim(client, template, `${template.generateName}${i}`, namespace, signal),
      ),
  };
}

/** Gives a function that resolves when so many more pods are bound than when it was called. */
function countBound(informers: InformerFactory): (more: number) => Promise<void> {
  let bound = 0;
  let waiting: { readonly count: number; readonly resolve: () => void } | undefined;
  const look = (pod: Pod, old: Pod | undefined): void => {
    if (pod.spec?.nodeName === undefined || old?.spec?.nodeName !== undefined) return;
    bound++;
    if (waiting !== undefined && bound >= waiting.count) waiting.resolve();
  };
  informers.informer(Pods).addEventHandler({ onAdd: (pod) => look(pod, undefined), onUpdate: look });
  return (more) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    waiting = { count: bound + more, resolve };
    return promise;
  };
}

async function inParallel(count: number, run: (i: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) await run(next++);
  };
  await Promise.all(Array.from({ length: CREATES_MAX }, worker));
}

/** 4 CPUs, 32 GiB, 110 pods; a host name for anti-affinity to work with. */
export function newNode(i: number, zones: readonly string[]): Node {
  const name = `scheduler-perf-${i}`;
  const zone = zones[i % Math.max(1, zones.length)];
  const amounts = { pods: "110", cpu: "4", memory: "32Gi" };
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: {
      name,
      labels: {
        "kubernetes.io/hostname": name,
        ...(zone !== undefined && { "topology.kubernetes.io/zone": zone }),
      },
    },
    status: {
      capacity: amounts,
      allocatable: amounts,
      conditions: [{ type: "Ready", status: "True" }],
      phase: "Running",
    },
  };
}
