import assert from "node:assert/strict";
import { test } from "node:test";
import { StatusError } from "#apimachinery";
import { nodeMetrics, podMetrics } from "./metrics-objects.ts";
import { answerRequest, type MetricsReader } from "./requests.ts";

const PREFIX = "/apis/metrics.k8s.io/v1beta1";
const NOW = Date.parse("2026-01-02T03:04:05Z");
const TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
const usage = { atMs: NOW - 5000, windowMs: 15_020, cpuCores: 0.0123456789, memoryBytes: 3 * 1024 * 1024 };
const node = nodeMetrics({ name: "n1", labels: { zone: "a" } }, usage, NOW);
const pods = ["x", "y"].map((namespace) =>
  podMetrics(
    { name: "web", namespace, labels: { app: namespace } },
    [
      { name: "one", ...usage },
      { name: "two", ...usage, atMs: NOW - 7000, windowMs: 14_000, cpuCores: 1 },
    ],
    NOW,
  ),
);
const reader: MetricsReader = {
  node: (name) => (name === "n1" ? node : undefined),
  nodes: async (wanted) => [node].filter(wanted),
  pod: (namespace, name) => pods.find(({ metadata: m }) => m.namespace === namespace && m.name === name),
  pods: async (namespace, wanted) =>
    pods.filter(({ metadata }) => (namespace ?? metadata.namespace) === metadata.namespace).filter(wanted),
};

async function get(path: string, { method = "GET", accept = "" } = {}): Promise<unknown> {
  const url = new URL(`https://x${PREFIX}${path}`);
  const request = { method, path: url.pathname, query: url.searchParams, accept };
  return (await answerRequest(request, reader)).value;
}

function namespacesOf(list: unknown): readonly (string | undefined)[] {
  return (list as { items: typeof pods }).items.map(({ metadata }) => metadata.namespace);
}

test("answerRequest gives a node in metrics-server's notation", async () => {
  assert.deepEqual(await get("/nodes/n1"), {
    kind: "NodeMetrics",
    apiVersion: "metrics.k8s.io/v1beta1",
    metadata: { name: "n1", creationTimestamp: "2026-01-02T03:04:05Z", labels: { zone: "a" } },
    timestamp: "2026-01-02T03:04:00Z",
    window: "15.02s",
    usage: { cpu: "12345679n", memory: "3Mi" },
  });
});

test("answerRequest tells a pod's oldest measurement as that of the pod", async () => {
  const pod = (await get("/namespaces/x/pods/web")) as (typeof pods)[0];
  assert.equal(pod.timestamp, "2026-01-02T03:03:58Z");
  assert.equal(pod.window, "14s");
  assert.deepEqual(
    pod.containers.map(({ name }) => name),
    ["one", "two"],
  );
});

test("answerRequest lists pods of all namespaces, of one, and by selectors", async () => {
  assert.deepEqual(namespacesOf(await get("/pods")), ["x", "y"]);
  assert.deepEqual(namespacesOf(await get("/namespaces/y/pods")), ["y"]);
  assert.deepEqual(namespacesOf(await get("/pods?labelSelector=app!%3Dy")), ["x"]);
  assert.deepEqual(namespacesOf(await get("/pods?fieldSelector=metadata.namespace%3Dy")), ["y"]);
});

test("answerRequest answers a Table, pods with the sum of their containers", async () => {
  const table = (await get("/namespaces/x/pods", { accept: TABLE })) as {
    kind: string;
    columnDefinitions: { name: string }[];
    rows: { cells: unknown[]; object: { kind: string } }[];
  };
  assert.equal(table.kind, "Table");
  assert.deepEqual(
    table.columnDefinitions.map(({ name }) => name),
    ["Name", "cpu", "memory", "Window"],
  );
  assert.deepEqual(table.rows[0]?.cells, ["web", "1012345679n", "6Mi", "14s"]);
  assert.equal(table.rows[0]?.object.kind, "PartialObjectMetadata");
});

const refusals: readonly (readonly [string, string, string, string])[] = [
  ["GET", "/nodes/n2", "NotFound", 'nodemetrics.metrics.k8s.io "n2" not found'],
  ["GET", "/namespaces/z/pods/web", "NotFound", 'podmetrics.metrics.k8s.io "z/web" not found'],
  ["GET", "/pods/web", "NotFound", "the server could not find the requested resource"],
  ["GET", "/namespaces/x/nodes", "NotFound", "the server could not find the requested resource"],
  ["DELETE", "/pods", "MethodNotAllowed", "the server does not allow this method on the requested resource"],
  [
    "GET",
    "/pods?watch=true",
    "MethodNotAllowed",
    "the server does not allow this method on the requested resource",
  ],
  ["GET", "/pods?fieldSelector=spec.x%3Dy", "BadRequest", "field label not supported: spec.x"],
];

for (const [method, path, reason, message] of refusals) {
  test(`answerRequest refuses ${method} ${path}`, async () => {
    await assert.rejects(
      get(path, { method }),
      (err) => err instanceof StatusError && err.reason === reason && err.message === message,
    );
  });
}

test("answerRequest refuses a selector that is none", async () => {
  await assert.rejects(get("/pods?labelSelector=a%20b"), { reason: "BadRequest" });
});
