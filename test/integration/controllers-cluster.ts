/** An API server in memory with all controllers and a kubelet that only says that pods run. @module */
import type { Clock, Kind, KubeObject } from "#apimachinery";
import { formatTime, isConflict, isNotFound, silentLogger, systemClock } from "#apimachinery";
import { createApiServer } from "#apiserver";
import { Nodes } from "#api/core/v1/node";
import { Pods } from "#api/core/v1/pod";
import type { Pod } from "#api/core/v1/types.gen";
import type { Client, InformerFactory, MetricsSink } from "#client";
import { newClient, newEventRecorder, newInformerFactory } from "#client";
import { newControllers } from "#controllers";
import { startManager } from "#controller-runtime";
import { openMemoryStore } from "#storage";
import { controllerManagerUser, controllerUser } from "../../src/cmd/server/identities.ts";

export interface Cluster extends AsyncDisposable {
  readonly client: Client;
  readonly informers: InformerFactory;
  readonly signal: AbortSignal;
  /** Messages of what controllers failed at, conflicts left out. */
  readonly errors: readonly string[];
  /** Resolves with the value that `read` gives once it is not undefined or false; looks after every change of `kinds`. */
  until<R>(what: string, kinds: readonly Kind[], read: () => R | undefined | false): Promise<R>;
  /** From now on new pods stay as they are. */
  pauseKubelet(): void;
}

/** How long a test waits for anything, on a machine of any pace. */
const PATIENCE_MS = 60_000;
const NODE = "node-1";

/** `clock` is that of the controllers alone, and `metrics` is told of what they do. */
export async function startCluster(
  kinds: readonly Kind[],
  clock: Clock = systemClock,
  metrics?: MetricsSink,
): Promise<Cluster> {
  const store = await openMemoryStore();
  const server = await createApiServer({ store, freezeObjects: true });
  const abort = new AbortController();
  const { signal } = abort;
  const client = newClient(server.transport());
  // as in `k8ts server`: reads as kube-controller-manager, and every controller writes as its own account
  const reader = newClient(server.transport(controllerManagerUser), { userAgent: "kube-controller-manager" });
  const informers = newInformerFactory({ client: reader });
  const recorder = newEventRecorder({ client: reader, component: "test" }, signal);
  const errors: string[] = [];
  const logger = {
    ...silentLogger,
    child: () => logger,
    error: (message: string, fields = {}) => void errors.push(`${message} ${describe(fields)}`),
  };
  const context = {
    client: reader,
    informers,
    recorder,
    clock,
    logger,
    ...(metrics !== undefined && { metrics }),
  };
  for (const kind of kinds) informers.informer(kind);
  await client.create(Nodes, newNode(NODE), signal);
  const controllers = newControllers(context, {
    // "CA" is no certificate
    names: ["*", "-kube-apiserver-serving-clustertrustbundle-publisher-controller"],
    rootCA: "CA",
    allocateNodeCIDRs: true,
    clusterCIDR: "10.244.0.0/16",
    serviceLoadBalancerRange: "192.0.2.1-192.0.2.2",
    clientFor: (account) =>
      newClient(server.transport(controllerUser(account)), { userAgent: "kube-controller-manager" }),
  });
  const manager = startManager({ ...context, controllers }, signal);
  const kubelet = { isPaused: false };
  runKubelet(client, informers, kubelet, errors, signal);
  await manager.ready;
  return {
    client,
    informers,
    signal,
    errors,
    until: (what, watched, read) => until(informers, what, watched, read),
    pauseKubelet: () => (kubelet.isPaused = true),
    async [Symbol.asyncDispose]() {
      abort.abort();
      await manager.stopped;
      await server.close();
      await store.close();
    },
  };
}

export async function until<R>(
  informers: InformerFactory,
  what: string,
  kinds: readonly Kind[],
  read: () => R | undefined | false,
  patienceMs: number = PATIENCE_MS,
): Promise<R> {
  const { promise, resolve, reject } = Promise.withResolvers<R>();
  const look = (): void => {
    const value = read();
    if (value !== undefined && value !== false) resolve(value);
  };
  const timer = systemClock.after(patienceMs, () => reject(new Error(`Waited in vain until ${what}`)));
  const handler = { onAdd: look, onUpdate: look, onDelete: look };
  const removers = kinds.map((kind) => informers.informer(kind).addEventHandler(handler));
  look();
  try {
    return await promise;
  } finally {
    timer.cancel();
    removers.forEach((remove) => remove());
  }
}

/** A node that is ready. */
export function newNode(name: string): KubeObject & { apiVersion: "v1"; kind: "Node" } {
  const now = formatTime(systemClock.now());
  const ready = { type: "Ready", status: "True", lastHeartbeatTime: now, lastTransitionTime: now };
  const node = {
    apiVersion: "v1" as const,
    kind: "Node" as const,
    metadata: { name },
    status: { conditions: [ready] },
  };
  return node;
}

/**
 * Binds pods, unless a scheduler does, says how they are, and lets them go when they are deleted. The function it
 * returns makes it look at all pods again, after a pause.
 */
export function runKubelet(
  client: Client,
  informers: InformerFactory,
  state: { readonly isPaused: boolean; readonly hasScheduler?: boolean },
  errors: string[],
  signal: AbortSignal,
): () => void {
  let next = 1;
  const sync = async (pod: Pod): Promise<void> => {
    if (state.isPaused) return;
    const { metadata } = pod;
    if (metadata.deletionTimestamp !== undefined)
      return await client.delete(Pods, metadata, signal, { gracePeriodSeconds: 0 });
    if ((pod.spec?.nodeName ?? "") === "") {
      if (state.hasScheduler === true) return;
      const target = { kind: "Node", name: nodeAskedFor(pod) ?? NODE };
      const { name, namespace } = metadata;
      const binding = { apiVersion: "v1", kind: "Binding", metadata: { name, namespace }, target };
      await client.createSubresource(Pods, metadata, "binding", binding, signal);
    } else {
      const status = nextStatus(pod, () => `10.244.${next >> 8}.${next++ & 255}`);
      if (status !== undefined) await client.updateStatus(Pods, { ...pod, status }, signal);
    }
  };
  const handle = (pod: Pod): void =>
    void sync(pod).catch((err: unknown) => {
      if (!signal.aborted && !isNotFound(err) && !isConflict(err)) errors.push(`kubelet: ${String(err)}`);
    });
  informers.informer(Pods).addEventHandler({ onAdd: handle, onUpdate: handle });
  return () => informers.lister(Pods).list().forEach(handle);
}

/** That of a DaemonSet's pod. */
function nodeAskedFor({ spec }: Pod): string | undefined {
  const required = spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  const fields = required?.nodeSelectorTerms.flatMap(({ matchFields = [] }) => matchFields);
  return fields?.find(({ key }) => key === "metadata.name")?.values?.[0];
}

/** Pods that are not restarted end well as soon as they run. */
function nextStatus(pod: Pod, newIP: () => string): Pod["status"] {
  const { phase } = pod.status ?? {};
  const lastTransitionTime = formatTime(systemClock.now());
  const ready = (status: string): Pod["status"] => ({
    conditions: [{ type: "Ready", status, lastTransitionTime }],
  });
  if (phase === "Pending") {
    const ip = newIP();
    return { ...pod.status, ...ready("True"), phase: "Running", podIP: ip, podIPs: [{ ip }] };
  }
  const isDone = phase === "Running" && pod.spec?.restartPolicy === "Never";
  return isDone ? { ...pod.status, ...ready("False"), phase: "Succeeded" } : undefined;
}

function describe(fields: Readonly<Record<string, unknown>>): string {
  const { err, ...others } = fields;
  return `${JSON.stringify(others)} ${err instanceof Error ? err.message : String(err)}`;
}
