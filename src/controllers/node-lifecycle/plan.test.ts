import assert from "node:assert/strict";
import { test } from "node:test";
import type { Node, Taint } from "#api/core/v1/types.gen";
import { newNode, newPod, START, START_MS } from "../testing/objects.ts";
import { notReadyConditions, planSilence, planTaints } from "./plan.ts";
import type { Eviction } from "./plan.ts";
import { EvictionLimiter, evictionRate } from "./zones.ts";

test("planSilence() turns every condition of kubelet to Unknown, once", () => {
  const conditions = planSilence(newNode("n"), START_MS);
  assert.deepEqual(
    conditions.map(({ type, status, reason }) => `${type}=${status} ${reason}`),
    [
      "Ready=Unknown NodeStatusUnknown",
      "MemoryPressure=Unknown NodeStatusNeverUpdated",
      "DiskPressure=Unknown NodeStatusNeverUpdated",
      "PIDPressure=Unknown NodeStatusNeverUpdated",
    ],
  );
  assert.equal(conditions[0]?.message, "Kubelet stopped posting node status.");
  const node: Node = { ...newNode("n"), status: { conditions } };
  assert.equal(planSilence(node, START_MS + 1000), conditions);
});

const unreachable = "node.kubernetes.io/unreachable";
const notReady = "node.kubernetes.io/not-ready";
const own: Taint = { key: "mine", effect: "NoExecute" };

/** Taints are written KEY:EFFECT, with the prefix left out. */
const cases: readonly {
  readonly name: string;
  readonly node: Node;
  readonly eviction?: Eviction;
  readonly want: string;
}[] = [
  { name: "leaves a ready node alone", node: newNode("n"), want: "" },
  {
    name: "taints an unknown node",
    node: newNode("n", "Unknown"),
    want: "unreachable:NoSchedule unreachable:NoExecute",
  },
  {
    name: "taints a node that is not ready",
    node: newNode("n", "False"),
    want: "not-ready:NoSchedule not-ready:NoExecute",
  },
  {
    name: "waits with NoExecute for its turn",
    node: newNode("n", "Unknown"),
    eviction: "wait",
    want: "unreachable:NoSchedule",
  },
  {
    name: "changes from unreachable to not-ready without waiting",
    node: newNode("n", "False", { spec: { taints: [{ key: unreachable, effect: "NoExecute" }] } }),
    eviction: "wait",
    want: "not-ready:NoSchedule not-ready:NoExecute",
  },
  {
    name: "takes NoExecute back when it may never evict",
    node: newNode("n", "Unknown", { spec: { taints: [{ key: unreachable, effect: "NoExecute" }] } }),
    eviction: "never",
    want: "unreachable:NoSchedule",
  },
  {
    name: "takes its own taints from a ready node, and leaves others",
    node: newNode("n", "True", {
      spec: {
        taints: [own, { key: notReady, effect: "NoExecute" }, { key: notReady, effect: "NoSchedule" }],
      },
    }),
    want: "mine:NoExecute",
  },
  {
    name: "shows pressure and cordons",
    node: newNode("n", "True", {
      spec: { unschedulable: true },
      status: {
        conditions: [
          { type: "Ready", status: "True" },
          { type: "DiskPressure", status: "True" },
        ],
      },
    }),
    want: "disk-pressure:NoSchedule unschedulable:NoSchedule",
  },
];

for (const { name, node, eviction = "evict", want } of cases) {
  test(`planTaints() ${name}`, () => {
    const taints = planTaints(node, eviction, START_MS);
    const text = taints.map(({ key, effect }) => `${key.replace("node.kubernetes.io/", "")}:${effect}`);
    assert.equal(text.join(" "), want);
  });
}

test("planTaints() notes the time of what it adds, and returns the same array when nothing changes", () => {
  const node = newNode("n", "Unknown");
  const taints = planTaints(node, "evict", START_MS);
  assert.deepEqual(
    taints.map(({ timeAdded }) => timeAdded),
    [START, START],
  );
  assert.equal(planTaints({ ...node, spec: { taints } }, "evict", START_MS + 1000), taints);
});

test("notReadyConditions() marks ready pods only", () => {
  assert.equal(notReadyConditions(newPod("p"), START_MS)?.[0]?.status, "False");
  assert.equal(notReadyConditions(newPod("p", { ready: false }), START_MS), undefined);
});

/** `nodes` is a letter per node: r ready, n not ready. */
const rates = [
  { name: "is 0 when everything is gone", nodes: "nnn", want: 0, isCutOff: true },
  { name: "is normal with few nodes down", nodes: "rrnn", want: 0.1, isCutOff: false },
  { name: "is 0 for a small zone that is partly down", nodes: "rnnn", want: 0, isCutOff: false },
  {
    name: "is slow for a large zone that is partly down",
    nodes: `${"r".repeat(20)}${"n".repeat(40)}`,
    want: 0.01,
    isCutOff: false,
  },
];

for (const { name, nodes, want, isCutOff } of rates) {
  test(`evictionRate() ${name}`, () => {
    const all = Array.from(nodes, (letter, i) => newNode(`n${i}`, letter === "r" ? "True" : "Unknown"));
    assert.deepEqual(evictionRate(all, ""), { perSecond: want, isCutOff });
  });
}

test("evictionRate() goes by the thresholds and rates that it is given", () => {
  const all = Array.from("rrnnn", (letter, i) => newNode(`n${i}`, letter === "r" ? "True" : "Unknown"));
  const given = { perSecond: 2, secondaryPerSecond: 1, largeClusterNodes: 4, unhealthyZonePart: 0.6 };
  assert.equal(evictionRate(all, "", given).perSecond, 1);
  assert.equal(evictionRate(all, "", { ...given, unhealthyZonePart: 0.7 }).perSecond, 2);
  assert.equal(evictionRate(all, "", { ...given, largeClusterNodes: 5 }).perSecond, 0);
});

test("evictionRate() knows zones: one that is wholly down goes at the normal rate while another lives", () => {
  const labels = { "topology.kubernetes.io/zone": "a" };
  const down = ["x", "y", "z"].map((name) => newNode(name, "Unknown", { metadata: { name, labels } }));
  assert.deepEqual(evictionRate([...down, newNode("n")], ":\x00:a"), { perSecond: 0.1, isCutOff: false });
});

test("EvictionLimiter gives one token per zone and period", () => {
  const limiter = new EvictionLimiter();
  assert.equal(limiter.take("a", 0.1, 0), 0);
  assert.equal(limiter.take("a", 0.1, 4_000), 6_000);
  assert.equal(limiter.take("b", 0.1, 4_000), 0);
  assert.equal(limiter.take("a", 0, 20_000), undefined);
  assert.equal(limiter.take("a", 0.1, 20_000), 0);
});
