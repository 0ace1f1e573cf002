/**
 * What a pod takes in the memory of a whole server (API server, controllers, scheduler), from 5,000 running pods to 15,000.
 *
 * The sketch: its bytes once (5.7 KB, of which managedFields are 2.7), one parsed object without managedFields for all
 * informers (2 to 3 KB), what the caches of scheduler and controllers know of it (1 KB), and an Event (1 KB for an hour).
 * What is bounded (histories of changes, garbage between two collections) does not grow with pods: hence the difference.
 *
 *     node --expose-gc bench/apiserver-memory.bench.ts
 * @module
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Pods } from "#api/core/v1/pod";
import type { Pod } from "#api/core/v1/types.gen";
import { silentLogger, systemClock } from "#apimachinery";
import { createApiServer } from "#apiserver";
import { report, round } from "#bench";
import { newClient, newInformerFactory, trimManagedFields } from "#client";
import { TaskGroup } from "#component-base";
import { selectControllers } from "#controllers";
import { openLmdbStore } from "#storage";
import { startControllers, startScheduler } from "../src/testing/control-plane.ts";
import { nodeOf, podJson, podPath, statusOf } from "./apiserver/pod.ts";

const FEW = 5_000;
const MANY = 15_000;
const PODS_PER_NODE = 100;
const IN_FLIGHT = 100;
const COLLECTIONS = 5;
/** Nobody runs the nodes, and pods need no account. */
const disabledAdmissionPlugins = ["ServiceAccount", "TaintNodesByCondition", "StorageObjectInUseProtection"];
const ABSENT = new Set(["node-lifecycle-controller", "pod-garbage-collector-controller"]);

const path = mkdtempSync(join(tmpdir(), "k8ts-bench-"));
const store = await openLmdbStore({ path });
const server = await createApiServer({ store, disabledAdmissionPlugins });
const tasks = new TaskGroup();
const { signal } = tasks;
const client = newClient(server.transport(), { userAgent: "kubelet" });
const informers = newInformerFactory({ client, freeze: false, transform: trimManagedFields });
const world = { clock: systemClock, random: Math.random, logger: silentLogger };
const names = selectControllers(["*"]).filter((name) => !ABSENT.has(name));
await send("POST", "/api/v1/namespaces", { metadata: { name: "default" } }).catch(() => {}); // there already
for (let i = 0; i < MANY / PODS_PER_NODE; i++) await send("POST", "/api/v1/nodes", nodeOf(i));
startScheduler(tasks, server, informers, world);
await startControllers(tasks, server, informers, world, names, undefined);

const bound = new Map<string, () => void>();
informers.informer(Pods).addEventHandler({ onUpdate: ({ metadata, spec }) => told(metadata.name, spec) });

await startPods(0, FEW);
const few = await look();
await startPods(FEW, MANY);
const many = await look();
const perPod = (what: keyof typeof few): number => (many[what] - few[what]) / (MANY - FEW) / 1000;
const { body } = await send("GET", `${podPath}/pod-1`);
report({
  name: "server: memory of a running pod, beyond the first 5,000",
  value: perPod("anonymous"),
  unit: "KB",
  limit: { value: JSON.stringify(body).length / 1000, name: "its bytes" },
  runs: 1,
  also: { heap: round(perPod("heap")), buffers: round(perPod("buffers")) },
});
await tasks[Symbol.asyncDispose]();
await server.close();
await store.close();
rmSync(path, { recursive: true });

/** Created, bound by the scheduler, waiting, running: what kubelet and scheduler write. */
async function startPods(from: number, to: number): Promise<void> {
  const template = JSON.parse(podJson("x")) as Pod;
  let next = from;
  const work = async (): Promise<void> => {
    while (next < to) {
      const i = next++;
      const name = `pod-${i}`;
      const isBound = new Promise<void>((resolve) => bound.set(name, resolve));
      const { ownerReferences: _nobody, ...metadata } = template.metadata;
      await send("POST", podPath, { ...template, metadata: { ...metadata, name } });
      await isBound;
      for (const isReady of [false, true])
        await send("PATCH", `${podPath}/${name}/status`, statusOf(i, isReady));
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, work));
}

function told(name: string, spec: Pod["spec"]): void {
  if ((spec?.nodeName ?? "") === "") return;
  bound.get(name)?.();
  bound.delete(name);
}

/** When what is over has been collected; without the pages of the store's file. */
async function look(): Promise<Readonly<Record<"anonymous" | "heap" | "buffers", number>>> {
  for (let i = 0; i < COLLECTIONS; i++) {
    globalThis.gc?.();
    await sleep(300);
  }
  const { heapUsed: heap, arrayBuffers: buffers } = process.memoryUsage();
  const [, kibibytes] = /^RssAnon:\s+(\d+)/mu.exec(readFileSync("/proc/self/status", "utf8"))!;
  return { anonymous: Number(kibibytes) * 1024, heap, buffers };
}

function send(method: string, at: string, sent?: object): Promise<{ readonly body: unknown }> {
  const headers = method === "PATCH" ? { "content-type": "application/strategic-merge-patch+json" } : {};
  return server.transport().request({ method, path: at, body: sent, headers } as never, signal);
}
