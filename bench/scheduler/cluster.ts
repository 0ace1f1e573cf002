/** An API server with nodes that nobody runs, a scheduler, and a count of the pods that are bound. @module */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Namespaces } from "#api/core/v1/namespace";
import { Pods } from "#api/core/v1/pod";
import { Services } from "#api/core/v1/service";
import type { Pod } from "#api/core/v1/types.gen";
import { silentLogger, systemClock } from "#apimachinery";
import { createApiServer } from "#apiserver";
import { newClient, newEventRecorder, newInformerFactory, type Client, type InformerFactory } from "#client";
import { runScheduler } from "#scheduler";
import { openLmdbStore, openMemoryStore, type Store } from "#storage";
import { inParallel } from "./in-parallel.ts";
import { createNodes } from "./nodes.ts";
import { newPod, type PodTemplate } from "./pod-template.ts";
import { createBoundClaim } from "./volumes.ts";
import type { Workload } from "./workload.ts";

export type StoreName = "memory" | "lmdb";

export interface BenchCluster extends AsyncDisposable {
  readonly client: Client;
  /** Scheduling cycles so far that ended without a node. */
  readonly failedAttempts: number;
  createNodes(workload: Workload): Promise<void>;
  /** `init-ns-0` and so on, and `measure-ns-0`, of the team devops. */
  createNamespaces(count: number): Promise<void>;
  /** Selects `app: scheduler-perf`. */
  createService(namespace: string): Promise<void>;
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
      const allBound = untilBound(namespace, count);
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
  "createNodes" | "createNamespaces" | "createService" | "createPodsOnly" | "createClaims"
>;

/** What needs no scheduler. */
function objectCreators(client: Client, signal: AbortSignal): ObjectCreators {
  return {
    createNodes: (workload) => createNodes(client, workload, signal),
    createNamespaces: (count) =>
      inParallel(count + 1, async (i) => {
        const name = i < count ? `init-ns-${i}` : "measure-ns-0";
        const metadata = { name, labels: { team: "devops" } };
        await client.create(Namespaces, { apiVersion: "v1", kind: "Namespace", metadata }, signal);
      }),
    async createService(namespace) {
      const ports = [{ protocol: "TCP", port: 80, targetPort: 8000 }];
      const spec = { selector: { app: "scheduler-perf" }, ports };
      const metadata = { name: "service", namespace };
      await client.create(Services, { apiVersion: "v1", kind: "Service", metadata, spec }, signal);
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

/** Gives a function that resolves when so many more pods of a namespace are bound than when it was called. */
function countBound(informers: InformerFactory): (namespace: string, more: number) => Promise<void> {
  const bound = new Map<string, number>();
  let waiting:
    | { readonly namespace: string; readonly count: number; readonly resolve: () => void }
    | undefined;
  const look = (pod: Pod, old: Pod | undefined): void => {
    if (pod.spec?.nodeName === undefined || old?.spec?.nodeName !== undefined) return;
    const { namespace = "" } = pod.metadata;
    const count = (bound.get(namespace) ?? 0) + 1;
    bound.set(namespace, count);
    if (waiting?.namespace === namespace && count >= waiting.count) waiting.resolve();
  };
  informers.informer(Pods).addEventHandler({ onAdd: (pod) => look(pod, undefined), onUpdate: look });
  return (namespace, more) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    waiting = { namespace, count: (bound.get(namespace) ?? 0) + more, resolve };
    return promise;
  };
}
