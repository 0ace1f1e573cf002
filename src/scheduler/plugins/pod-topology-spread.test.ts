import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { PodSpec, TopologySpreadConstraint } from "#api/core/v1/types.gen";
import { labels } from "#apimachinery";
import { podInfo } from "../cache/pod-info.ts";
import {
  filterBy,
  scoreBy,
  testCluster,
  testNode,
  testPod,
  type NodeShape,
  type PodShape,
} from "../fixture.ts";
import type { PodTopologySpreadArgs } from "../config/types.ts";
import type { ClusterEvent } from "../framework/cluster-event.ts";
import { podTopologySpread } from "./pod-topology-spread.ts";

const SKEWED = "Unschedulable: node(s) didn't match pod topology spread constraints";
const HOST = "kubernetes.io/hostname";
const foo = { foo: "" };
const fooSelector = { matchLabels: foo };
const list: PodTopologySpreadArgs = { defaultConstraints: [], defaultingType: "List" };
const bySelector = () => labels.fromLabelSelector(fooSelector);

type Extra = Partial<TopologySpreadConstraint>;
const hard = (topologyKey: string, maxSkew = 1, extra: Extra = {}): TopologySpreadConstraint => ({
  topologyKey,
  maxSkew,
  whenUnsatisfiable: "DoNotSchedule",
  labelSelector: fooSelector,
  ...extra,
});
const soft = (topologyKey: string, maxSkew = 1, extra: Extra = {}): TopologySpreadConstraint =>
  hard(topologyKey, maxSkew, { whenUnsatisfiable: "ScheduleAnyway", ...extra });

const inZone = (zone: string, extra: NodeShape = {}): NodeShape => ({
  ...extra,
  labels: { zone, ...extra.labels },
});
const withFoo: NodeShape = { labels: foo };
const tainted: NodeShape = { spec: { taints: [{ key: "k", effect: "NoSchedule" }] } };

/** The pods `foo` of every node. */
function pods(counts: Readonly<Record<string, number>>): Readonly<Record<string, PodShape>> {
  return Object.fromEntries(
    Object.entries(counts).flatMap(([node, count]) =>
      Array.from({ length: count }, (_, i) => [`p-${node}${i}@${node}`, { labels: foo }]),
    ),
  );
}

const ssdOnly: Partial<PodSpec> = { nodeSelector: foo };
const fooAffinity: Partial<PodSpec> = {
  affinity: {
    nodeAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: {
        nodeSelectorTerms: [{ matchExpressions: [{ key: "foo", operator: "In", values: [""] }] }],
      },
    },
  },
};
const three = { a: {}, b: {}, c: {} };
const zones = { a: inZone("z1"), b: inZone("z1"), x: inZone("z2"), y: inZone("z2") };
const oneUnlike = { a: withFoo, b: withFoo, x: withFoo, y: {} };
const oneTainted = { a: {}, b: {}, x: {}, y: tainted };
const IGNORE = { nodeAffinityPolicy: "Ignore" };
const HONOR_TAINTS = { nodeTaintsPolicy: "Honor" };

interface FilterCase {
  readonly name: string;
  readonly nodes: Readonly<Record<string, NodeShape>>;
  readonly running: Readonly<Record<string, PodShape>>;
  readonly constraints: readonly TopologySpreadConstraint[];
  readonly labels?: Readonly<Record<string, string>>;
  readonly spec?: Partial<PodSpec>;
  /** The nodes that fit; the others are skewed. */
  readonly fits: string;
}

/** Upstream's cases; of nodes that the pod cannot go to for other reasons this plugin says what it says alone. */
const filterCases: readonly FilterCase[] = [
  {
    name: "takes the minimum for 0 while there are fewer domains than minDomains",
    nodes: three,
    running: pods({ a: 2, b: 2, c: 1 }),
    constraints: [hard(HOST, 2, { minDomains: 4 })],
    fits: "c",
  },
  {
    name: "has domains enough with minDomains of them",
    nodes: three,
    running: pods({ a: 2, b: 2, c: 1 }),
    constraints: [hard(HOST, 2, { minDomains: 3 })],
    fits: "a b c",
  },
  {
    name: "counts domains of zones for minDomains, not nodes",
    nodes: zones,
    running: pods({ a: 1, b: 1, y: 1 }),
    constraints: [hard("zone", 2, { minDomains: 3 })],
    fits: "x y",
  },
  {
    name: "has zones enough for a small minDomains",
    nodes: zones,
    running: pods({ a: 1, b: 1, y: 1 }),
    constraints: [hard("zone", 2, { minDomains: 1 })],
    fits: "a b x y",
  },
  {
    name: "leaves nodes out that the node selector excludes",
    nodes: oneUnlike,
    running: pods({ a: 1, b: 1, y: 1 }),
    constraints: [hard(HOST)],
    spec: ssdOnly,
    fits: "x y",
  },
  {
    name: "counts all nodes with nodeAffinityPolicy Ignore, whatever the node selector",
    nodes: oneUnlike,
    running: pods({ a: 1, b: 1, y: 1 }),
    constraints: [hard(HOST, 1, IGNORE)],
    spec: ssdOnly,
    fits: "x",
  },
  {
    name: "leaves nodes out that the node affinity excludes",
    nodes: oneUnlike,
    running: pods({ a: 1, b: 1, y: 1 }),
    constraints: [hard(HOST)],
    spec: fooAffinity,
    fits: "x y",
  },
  {
    name: "counts all nodes with nodeAffinityPolicy Ignore, whatever the node affinity",
    nodes: oneUnlike,
    running: pods({ a: 1, b: 1, y: 1 }),
    constraints: [hard(HOST, 1, IGNORE)],
    spec: fooAffinity,
    fits: "x",
  },
  {
    name: "leaves tainted nodes out with nodeTaintsPolicy Honor",
    nodes: oneTainted,
    running: pods({ a: 1, b: 1, y: 1 }),
    constraints: [hard(HOST, 1, HONOR_TAINTS)],
    fits: "x y",
  },
  {
    name: "counts tainted nodes that are tolerated with nodeTaintsPolicy Honor",
    nodes: oneTainted,
    running: pods({ a: 1, b: 1, y: 1 }),
    constraints: [hard(HOST, 1, HONOR_TAINTS)],
    spec: { tolerations: [{ key: "k", operator: "Exists" }] },
    fits: "x",
  },
  {
    name: "counts tainted nodes by default",
    nodes: oneTainted,
    running: pods({ a: 1, b: 1, y: 1 }),
    constraints: [hard(HOST)],
    fits: "x",
  },
  {
    name: "has a policy for each constraint: affinity honored by zones, ignored by nodes",
    nodes: {
      a: inZone("z1", withFoo),
      b: inZone("z1", withFoo),
      x: inZone("z2", withFoo),
      y: inZone("z2"),
    },
    running: pods({ a: 1, b: 1, y: 1 }),
    constraints: [hard("zone"), hard(HOST, 1, IGNORE)],
    spec: ssdOnly,
    fits: "x",
  },
  {
    name: "has a policy for each constraint: taints honored by zones, ignored by nodes",
    nodes: { a: inZone("z1"), b: inZone("z1"), x: inZone("z2"), y: inZone("z2", tainted) },
    running: pods({ a: 1, b: 1, y: 1 }),
    constraints: [hard("zone", 1, HONOR_TAINTS), hard(HOST)],
    fits: "x",
  },
  {
    name: "honors affinity for two keys",
    nodes: {
      a: inZone("z1", withFoo),
      b: inZone("z1"),
      x: inZone("z2", withFoo),
      y: inZone("z2", { ...tainted, ...withFoo }),
    },
    running: pods({ a: 1, b: 1, y: 1 }),
    constraints: [hard("zone"), hard(HOST)],
    spec: ssdOnly,
    fits: "b x",
  },
  {
    name: "honors affinity and taints by zones, and ignores both by nodes",
    nodes: {
      a: inZone("z1", withFoo),
      b: inZone("z1"),
      x: inZone("z2", withFoo),
      y: inZone("z2", { ...tainted, ...withFoo }),
    },
    running: pods({ a: 1, b: 1, y: 1 }),
    constraints: [hard("zone", 1, HONOR_TAINTS), hard(HOST, 1, IGNORE)],
    spec: ssdOnly,
    fits: "x",
  },
  {
    name: "counts only pods with the same value of matchLabelKeys",
    nodes: { a: {}, b: {} },
    running: {
      "old@a": { labels: { ...foo, version: "1" } },
      "old2@a": { labels: { ...foo, version: "1" } },
      "new@b": { labels: { ...foo, version: "2" } },
    },
    constraints: [hard(HOST, 1, { matchLabelKeys: ["version"] })],
    labels: { ...foo, version: "2" },
    fits: "a",
  },
  {
    name: "counts by matchLabelKeys alone where the selector is empty",
    nodes: zones,
    running: pods({ a: 2, b: 1, y: 2 }),
    constraints: [hard("zone", 1, { labelSelector: {}, matchLabelKeys: ["foo"] })],
    fits: "x y",
  },
  {
    name: "passes over matchLabelKeys that the pod does not have",
    nodes: zones,
    running: pods({ a: 2, b: 1, y: 2 }),
    constraints: [hard("zone", 1, { matchLabelKeys: ["bar"] })],
    fits: "x y",
  },
  {
    name: "matches nobody without a selector, whatever matchLabelKeys says",
    nodes: zones,
    running: pods({ a: 2, b: 1, y: 2 }),
    constraints: [{ ...withoutSelector(hard("zone")), matchLabelKeys: ["foo"] }],
    fits: "a b x y",
  },
  {
    name: "counts nobody by an empty selector",
    nodes: zones,
    running: pods({ a: 2, b: 1 }),
    constraints: [hard("zone", 1, { labelSelector: {} })],
    fits: "a b x y",
  },
];

function withoutSelector({ topologyKey, maxSkew, whenUnsatisfiable }: TopologySpreadConstraint) {
  return { topologyKey, maxSkew, whenUnsatisfiable };
}

describe("PodTopologySpread filter", () => {
  for (const { name, nodes, running, constraints, labels: own = foo, spec, fits } of filterCases) {
    test(name, () => {
      const pod = podInfo(
        testPod("p", { labels: own, spec: { ...spec, topologySpreadConstraints: constraints } }),
      );
      const plugin = podTopologySpread(list, () => undefined);
      const want = Object.fromEntries(
        Object.keys(nodes).map((node) => [node, fits.split(" ").includes(node) ? "fits" : SKEWED]),
      );
      assert.deepEqual(filterBy(plugin, pod, testCluster(nodes, running)), want);
    });
  }

  test("spreads by the profile's constraints where the pod has none", () => {
    const args: PodTopologySpreadArgs = { defaultConstraints: [hard("zone")], defaultingType: "List" };
    const cluster = testCluster(zones, pods({ a: 1, b: 1 }));
    const asked = (spec: Partial<PodSpec>, selectorOf: () => labels.Selector | undefined) =>
      filterBy(podTopologySpread(args, selectorOf), podInfo(testPod("p", { labels: foo, spec })), cluster);
    const all = { a: "fits", b: "fits", x: "fits", y: "fits" };
    assert.deepEqual(asked({}, bySelector), { ...all, a: SKEWED, b: SKEWED });
    assert.deepEqual(
      asked({}, () => undefined),
      all,
      "nothing selects the pod",
    );
    assert.deepEqual(asked({ topologySpreadConstraints: [hard(HOST, 5)] }, bySelector), all, "the pod's own");
  });
});

interface ScoreCase {
  readonly name: string;
  readonly nodes: Readonly<Record<string, NodeShape>>;
  readonly running: Readonly<Record<string, PodShape>>;
  readonly constraints: readonly TopologySpreadConstraint[];
  readonly labels?: Readonly<Record<string, string>>;
  readonly spec?: Partial<PodSpec>;
  readonly args?: PodTopologySpreadArgs;
  readonly want: Readonly<Record<string, number>>;
}

const four = { a: {}, b: {}, c: {}, d: {} };
const inGivenZone: NodeShape = { labels: { "topology.kubernetes.io/zone": "z1" } };
const both = { ...foo, bar: "" };

/** Upstream's cases. `want` names the nodes that are scored. */
const scoreCases: readonly ScoreCase[] = [
  {
    name: "prefers the fewest pods",
    nodes: four,
    running: pods({ a: 2, b: 1, d: 3 }),
    constraints: [soft(HOST)],
    want: { a: 20, b: 60, c: 100, d: 0 },
  },
  {
    name: "tolerates more skew with a larger maxSkew",
    nodes: four,
    running: pods({ a: 2, b: 1, d: 3 }),
    constraints: [soft(HOST, 2)],
    want: { a: 33, b: 66, c: 100, d: 16 },
  },
  {
    name: "finds all equal without a selector",
    nodes: four,
    running: pods({ a: 2, b: 1, d: 3 }),
    constraints: [withoutSelector(soft(HOST))],
    want: { a: 100, b: 100, c: 100, d: 100 },
  },
  {
    name: "spreads over nodes by the system's defaults where no node has a zone",
    nodes: four,
    running: pods({ a: 4, b: 3, c: 2, d: 1 }),
    constraints: [],
    args: { defaultConstraints: [], defaultingType: "System" },
    want: { a: 44, b: 66, c: 77, d: 100 },
  },
  {
    name: "takes nodes without a zone for one more domain, by the system's defaults",
    nodes: { a: inGivenZone, b: inGivenZone, c: {} },
    running: pods({ a: 3, c: 1 }),
    constraints: [],
    args: { defaultConstraints: [], defaultingType: "System" },
    want: { a: 26, b: 60, c: 100 },
  },
  {
    name: "spreads by the profile's own constraints",
    nodes: four,
    running: pods({ a: 2, b: 1, d: 3 }),
    constraints: [],
    args: { defaultConstraints: [soft(HOST, 2)], defaultingType: "List" },
    want: { a: 33, b: 66, c: 100, d: 16 },
  },
  {
    name: "leaves the defaults alone where the pod has constraints",
    nodes: four,
    running: pods({ a: 2, b: 1, d: 3 }),
    constraints: [soft(HOST)],
    args: { defaultConstraints: [soft(HOST, 2)], defaultingType: "List" },
    want: { a: 20, b: 60, c: 100, d: 0 },
  },
  {
    name: "counts the pods of nodes that are no candidates, too, for zones",
    nodes: zones,
    running: pods({ a: 4, b: 2, x: 1, y: 3 }),
    constraints: [soft("zone")],
    want: { a: 75, b: 75, x: 100 },
  },
  {
    name: "weighs zones and nodes",
    nodes: zones,
    running: pods({ a: 2, b: 1, x: 2, y: 4 }),
    constraints: [soft("zone"), soft(HOST)],
    want: { a: 100, x: 63 },
  },
  {
    name: "gives nothing to a node that lacks a key",
    nodes: { a: { labels: { rack: "1" } }, b: {}, c: { labels: { rack: "2" } } },
    running: pods({ a: 4, b: 2, c: 1 }),
    constraints: [soft("rack")],
    want: { a: 16, b: 0, c: 100 },
  },
  {
    name: "does not look at minDomains",
    nodes: { a: inZone("1"), b: inZone("2"), c: inZone("3") },
    running: pods({ a: 2, b: 2, c: 1 }),
    constraints: [soft("zone", 2, { minDomains: 10 })],
    want: { a: 75, b: 75, c: 100 },
  },
  ...(
    [
      ["honors the node selector", {}, ssdOnly, {}, { a: 0, b: 33, c: 100 }],
      ["ignores the node selector as told", IGNORE, ssdOnly, {}, { a: 66, b: 100, c: 100 }],
      ["honors the node affinity", {}, fooAffinity, {}, { a: 0, b: 33, c: 100 }],
      ["ignores the node affinity as told", IGNORE, fooAffinity, {}, { a: 66, b: 100, c: 100 }],
      ["honors taints as told", HONOR_TAINTS, {}, tainted, { a: 0, b: 33, c: 100 }],
      ["ignores taints", {}, {}, tainted, { a: 66, b: 100, c: 100 }],
    ] as const
  ).map(([name, extra, spec, last, want]) => ({
    name,
    nodes: { a: inZone("1", withFoo), b: inZone("2", withFoo), c: inZone("3", last) },
    running: pods({ a: 2, b: 1, c: 1 }),
    constraints: [soft("zone", 1, extra)],
    spec,
    want,
  })),
  {
    name: "counts by matchLabelKeys where the selector is empty",
    nodes: { a: inZone("z1"), b: inZone("z1"), c: inZone("z2"), d: inZone("z2") },
    running: {
      "p1@a": { labels: foo },
      "p2@b": { labels: both },
      "p3@c": { labels: foo },
      "p4@c": { labels: { bar: "" } },
    },
    constraints: [
      soft("zone", 1, { labelSelector: {}, matchLabelKeys: ["foo"] }),
      soft(HOST, 1, { labelSelector: {}, matchLabelKeys: ["bar"] }),
    ],
    labels: both,
    want: { a: 60, b: 20, c: 60, d: 100 },
  },
];

describe("PodTopologySpread score", () => {
  for (const {
    name,
    nodes,
    running,
    constraints,
    labels: own = foo,
    spec,
    args = list,
    want,
  } of scoreCases) {
    test(name, () => {
      const pod = podInfo(
        testPod("p", { labels: own, spec: { ...spec, topologySpreadConstraints: constraints } }),
      );
      const plugin = podTopologySpread(args, bySelector);
      assert.deepEqual(scoreBy(plugin, pod, testCluster(nodes, running), Object.keys(want)), want);
    });
  }
});

const otherPod = (own: Readonly<Record<string, string>>, namespace = "default") =>
  testPod("other", { labels: own, namespace, spec: { nodeName: "a" } });
const nodeWith = (own: Readonly<Record<string, string>>, extra: NodeShape = {}) =>
  testNode("a", { ...extra, labels: own });
const changed = (event: Pick<ClusterEvent, "pod" | "node">): ClusterEvent => ({
  resource: event.node === undefined ? "AssignedPod" : "Node",
  action: "update",
  ...event,
});

describe("PodTopologySpread hints that", () => {
  const waiting = podInfo(
    testPod("p", { labels: foo, spec: { topologySpreadConstraints: [hard("zone"), soft("rack")] } }),
  );
  const events: readonly (readonly [string, ClusterEvent, boolean])[] = [
    ["a pod of the group comes", changed({ pod: { old: undefined, new: otherPod(foo) } }), true],
    ["a pod of the group goes", changed({ pod: { old: otherPod(foo), new: undefined } }), true],
    ["no other pod comes", changed({ pod: { old: undefined, new: otherPod({}) } }), false],
    [
      "no pod of another namespace comes",
      changed({ pod: { old: undefined, new: otherPod(foo, "other") } }),
      false,
    ],
    ["a pod leaves the group", changed({ pod: { old: otherPod(foo), new: otherPod({}) } }), true],
    ["no other label changes", changed({ pod: { old: otherPod(foo), new: otherPod(both) } }), false],
    [
      "a node with the hard keys comes",
      changed({ node: { old: undefined, new: nodeWith({ zone: "1" }) } }),
      true,
    ],
    [
      "no node without them comes",
      changed({ node: { old: undefined, new: nodeWith({ rack: "1" }) } }),
      false,
    ],
    ["a node with them goes", changed({ node: { old: nodeWith({ zone: "1" }), new: undefined } }), true],
    ["a node gets them", changed({ node: { old: nodeWith({}), new: nodeWith({ zone: "1" }) } }), true],
    ["a node moves", changed({ node: { old: nodeWith({ zone: "2" }), new: nodeWith({ zone: "1" }) } }), true],
    [
      "its taints change",
      changed({ node: { old: nodeWith({ zone: "1" }), new: nodeWith({ zone: "1" }, tainted) } }),
      true,
    ],
    [
      "no other label of it changes",
      changed({ node: { old: nodeWith({ zone: "1" }), new: nodeWith({ zone: "1", x: "" }) } }),
      false,
    ],
  ];
  const plugin = podTopologySpread(list, () => undefined);
  for (const [name, event, want] of events)
    test(name, () => assert.equal(plugin.queueingHint!(event, waiting), want));
});
