/** An API server in memory with some controllers, and nobody else but who the bench starts. @module */
import { Nodes } from "#api/core/v1/node";
import { Pods } from "#api/core/v1/pod";
import type { PodSpec } from "#api/core/v1/types.gen";
import { formatTime, silentLogger, systemClock, type Kind, type KubeObject } from "#apimachinery";
import { createApiServer } from "#apiserver";
import {
  newClient,
  newEventRecorder,
  newInformerFactory,
  type Client,
  type InformerFactory,
  type MetricsSink,
} from "#client";
import { startManager } from "#controller-runtime";
import { newControllers } from "#controllers";
import { openMemoryStore } from "#storage";
import { controllerManagerUser, controllerUser } from "../../src/cmd/server/identities.ts";

export interface ControllersCluster extends AsyncDisposable {
  readonly client: Client;
  readonly informers: InformerFactory;
  readonly signal: AbortSignal;
  /** Resolves when `read` says so; asked after every change of the kinds. */
  until(kinds: readonly Kind[], read: () => boolean): Promise<void>;
  /** Reconciles so far, of all controllers. */
  reconciles(): number;
  /** How many objects of a kind there are now; the kind must be among those the cluster was started with. */
  count(kind: Kind): number;
  createNodes(count: number): Promise<void>;
}

/** Creates under way at the same time, as many clients would have. */
const CREATES_MAX = 64;
/** As scheduler_perf turns them off: pods need no account, nodes no controller that takes their first taint away. */
const disabledAdmissionPlugins = ["ServiceAccount", "TaintNodesByCondition", "StorageObjectInUseProtection"];
const USER_AGENT = "kube-controller-manager";

/** `kinds`: what is watched for the bench itself. */
export async function startControllersCluster(
  names: readonly string[],
  kinds: readonly Kind[],
): Promise<ControllersCluster> {
  const store = await openMemoryStore();
  const server = await createApiServer({ store, disabledAdmissionPlugins });
  const stop = new AbortController();
  const { signal } = stop;
  const client = newClient(server.transport());
  const reader = newClient(server.transport(controllerManagerUser), { userAgent: USER_AGENT });
  const informers = newInformerFactory({ client: reader, freeze: false });
  const recorder = newEventRecorder({ client: reader, component: "bench" }, signal);
  let reconciles = 0;
  const metrics: MetricsSink = {
    inc: (name) => void (name === "controller_runtime_reconcile_total" && reconciles++),
    set: () => undefined,
    observe: () => undefined,
  };
  const context = { client: reader, informers, recorder, clock: systemClock, logger: silentLogger, metrics };
  const clientFor = (account: string): Client =>
    newClient(server.transport(controllerUser(account)), { userAgent: USER_AGENT });
  const counts = new Map<string, number>();
  for (const kind of kinds) {
    const add = (more: number): void => void counts.set(kind.kind, (counts.get(kind.kind) ?? 0) + more);
    informers.informer(kind).addEventHandler({ onAdd: () => add(1), onDelete: () => add(-1) });
  }
  const manager = startManager(
    { ...context, controllers: newControllers(context, { names, clientFor, rootCA: "" }) },
    signal,
  );
  informers.start(signal);
  await informers.waitForSync(signal);
  await manager.ready;
  const keepAlive = setInterval(() => undefined, 60_000); // the controllers' own timers keep no process alive
  return {
    client,
    informers,
    signal,
    reconciles: () => reconciles,
    count: (kind) => counts.get(kind.kind) ?? 0,
    until: (watched, read) => until(informers, watched, read),
    createNodes: (count) =>
      inParallel(count, async (i) => void (await client.create(Nodes, newNode(i), signal))),
    async [Symbol.asyncDispose]() {
      clearInterval(keepAlive);
      stop.abort();
      await manager.stopped;
      await informers.stopped();
      await server.close();
      await store.close();
    },
  };
}

async function until(informers: InformerFactory, kinds: readonly Kind[], read: () => boolean): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const look = (): void => {
    if (read()) resolve();
  };
  const handler = { onAdd: look, onUpdate: look, onDelete: look };
  const removers = kinds.map((kind) => informers.informer(kind).addEventHandler(handler));
  look();
  await promise;
  for (const remove of removers) remove();
}

/** Every `run` once, `CREATES_MAX` under way. */
export async function inParallel(count: number, run: (i: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) await run(next++);
  };
  await Promise.all(Array.from({ length: CREATES_MAX }, worker));
}

export const podSpec: PodSpec = { containers: [{ name: "c", image: "demo/web:1" }] };

/** Milliseconds of one pod written `writes` times by one client: created, then its status. They are gone when it resolves. */
export async function measureFloor(
  { client, informers, signal }: ControllersCluster,
  writes: number,
  pods: number,
): Promise<number> {
  const start = performance.now();
  const made: KubeObject[] = [];
  await inParallel(pods, async (at) => {
    const metadata = { namespace: "default", name: `floor-${at}` };
    const pod = await client.create(Pods, { apiVersion: "v1", kind: "Pod", metadata, spec: podSpec }, signal);
    made.push(pod);
    for (let i = 1; i < writes; i++) {
      const body = { status: { message: `${i}` } };
      await client.patch(Pods, pod.metadata, { type: "merge", body }, signal, { subresource: "status" });
    }
  });
  const ms = (performance.now() - start) / pods;
  await inParallel(pods, async (i) => {
    await client.delete(Pods, made[i]!.metadata, signal, { gracePeriodSeconds: 0 });
  });
  await until(
    informers,
    [Pods as unknown as Kind],
    () => informers.lister(Pods).list("default").length === 0,
  );
  return ms;
}

export function newNode(i: number): KubeObject & { apiVersion: "v1"; kind: "Node" } {
  const now = formatTime(systemClock.now());
  const ready = { type: "Ready", status: "True", lastHeartbeatTime: now, lastTransitionTime: now };
  const head = { apiVersion: "v1", kind: "Node" } as const;
  const node = { ...head, metadata: { name: `node-${i}` }, status: { conditions: [ready] } };
  return node;
}
