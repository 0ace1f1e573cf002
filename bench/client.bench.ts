/**
 * Client: cost of a key through the work queue, and of filling an informer with 10,000 pods.
 *
 * The sketch: a key is two set operations in and two out, well under 1 µs; with rate limiting and metrics below 2 µs.
 * A pod into a cache is three map insertions (by key, by namespace, by controller), 1 µs, and freezing its 60 parts, 3 µs.
 * The limit printed next to it is parsing the same pods from JSON, which every client over HTTP pays anyway.
 * @module
 */
import { bench } from "#bench";
import type { Pod } from "#api/core/v1/types.gen";
import type { Kind } from "#apimachinery";
import { dynamicKind, newInformerFactory, RateLimitingQueue, WorkQueue, type Client } from "#client";

const KEYS = Array.from({ length: 10_000 }, (_, i) => `default/pod-${i}`);
const Pods = dynamicKind({
  group: "",
  version: "v1",
  kind: "Pod",
  plural: "pods",
  namespaced: true,
}) as unknown as Kind<Pod>;

await bench({
  name: "client/workqueue: add+get+done, 10k keys",
  operations: KEYS.length,
  async run() {
    const queue = new WorkQueue<string>();
    for (const key of KEYS) queue.add(key);
    while (queue.length > 0) queue.done((await queue.get())!);
  },
});

await bench({
  name: "client/workqueue: add+get+forget+done, rate-limiting queue, 10k keys",
  operations: KEYS.length,
  async run() {
    const queue = new RateLimitingQueue<string>();
    for (const key of KEYS) queue.add(key);
    while (queue.length > 0) {
      const key = (await queue.get())!;
      queue.forget(key);
      queue.done(key);
    }
    queue.close();
  },
});

const texts = KEYS.map((_, i) => JSON.stringify(newPod(i)));
let pods: Pod[] = [];

const parse = await bench({
  name: "client/informer: limit, parse 10k pods",
  operations: KEYS.length,
  run() {
    pods = texts.map((text) => JSON.parse(text) as Pod);
  },
});

for (const freeze of [false, true]) {
  await bench({
    name: `client/informer: parse and fill a cache with 10k pods, one handler, ${freeze ? "frozen" : "not frozen"}`,
    operations: KEYS.length,
    limit: { value: parse, name: "parsing the same pods" },
    async run() {
      pods = texts.map((text) => JSON.parse(text) as Pod);
      await fill(freeze);
    },
  });
}

async function fill(freeze: boolean): Promise<void> {
  const stop = new AbortController();
  const next = (): Promise<IteratorResult<never>> =>
    new Promise((resolve) =>
      stop.signal.addEventListener("abort", () => resolve({ done: true, value: undefined })),
    );
  const watch = () => ({ [Symbol.asyncIterator]: () => ({ next }) });
  const client = { list, watch } as unknown as Client;
  const factory = newInformerFactory({ client, freeze, watchList: false });
  let added = 0;
  factory.informer(Pods).addEventHandler({ onAdd: () => void added++ });
  factory.start(stop.signal);
  await factory.waitForSync(stop.signal);
  if (added !== KEYS.length) throw new Error(`${added} pods arrived`);
  stop.abort();
  await factory.stopped();
}

/** About 3 KB, as pods on clusters are. */
function newPod(i: number): Pod {
  const env = Array.from({ length: 12 }, (_, n) => ({ name: `VARIABLE_${n}`, value: `some value for ${n}` }));
  const container = {
    name: "web",
    image: "registry.example.com/team/web:1.2.3",
    env,
    ports: [{ containerPort: 80, protocol: "TCP" as const }],
    resources: { requests: { cpu: "100m", memory: "128Mi" }, limits: { cpu: "1", memory: "256Mi" } },
    volumeMounts: [
      { name: "token", mountPath: "/var/run/secrets/kubernetes.io/serviceaccount", readOnly: true },
    ],
  };
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name: `pod-${i}`,
      namespace: `namespace-${i % 50}`,
      uid: `00000000-0000-4000-8000-${String(i).padStart(12, "0")}`,
      resourceVersion: String(i + 1),
      labels: { app: "web", "pod-template-hash": "5d5bb9b4c" },
      ownerReferences: [
        {
          apiVersion: "apps/v1",
          kind: "ReplicaSet",
          name: "web",
          uid: `owner-${i % 1_000}`,
          controller: true,
        },
      ],
    },
    spec: { nodeName: `node-${i % 100}`, containers: [container, { ...container, name: "sidecar" }] },
    status: {
      phase: "Running",
      podIP: "10.244.0.1",
      conditions: ["PodScheduled", "Initialized", "ContainersReady", "Ready"].map(condition),
    },
  };
}

function condition(type: string) {
  return { type, status: "True", lastTransitionTime: "2026-01-01T00:00:00Z" };
}

async function list() {
  return { apiVersion: "v1", kind: "PodList", metadata: { resourceVersion: "1" }, items: pods };
}
