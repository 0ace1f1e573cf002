import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod } from "#api/core/v1/types.gen";
import { podInfo, type PodInfo } from "./cache/pod-info.ts";
import { NodeFinder, feasibleWanted } from "./find-node.ts";
import { fitErrorMessage } from "./fit-error.ts";
import {
  findNow,
  testCluster,
  testFramework,
  testNode,
  testPod,
  type NodeShape,
  type PodShape,
} from "./fixture.ts";
import { NominatedPods } from "./preemption/nominated-pods.ts";
import { findCandidates, selectCandidate, type CandidatesFound, type Slices } from "./preemption/plan.ts";

const framework = testFramework(() => ({ team: "a" }));

interface Case {
  readonly name: string;
  readonly nodes: Readonly<Record<string, NodeShape>>;
  /** "pod@node" pods that run already. */
  readonly running?: Readonly<Record<string, PodShape>>;
  readonly pod: PodShape;
  /** The node, or the message. */
  readonly want: string;
}

const zone = (name: string): Readonly<Record<string, string>> => ({ "topology.kubernetes.io/zone": name });
const web = { matchLabels: { app: "web" } };
const nearWeb = { labelSelector: web, topologyKey: "kubernetes.io/hostname" };
const required = (term: object): object => ({ requiredDuringSchedulingIgnoredDuringExecution: [term] });

const cases: readonly Case[] = [
  {
    name: "takes the node with room",
    nodes: { a: { cpu: "1" }, b: { cpu: "4" } },
    pod: { cpu: "2" },
    want: "b",
  },
  {
    name: "says what is missing where",
    nodes: { a: { cpu: "1" }, b: { memory: "1Gi" } },
    pod: { cpu: "2", memory: "2Gi" },
    want: "0/2 nodes are available: 1 Insufficient cpu, 1 Insufficient memory.",
  },
  {
    name: "keeps away from taints it does not tolerate",
    nodes: { a: { spec: { taints: [{ key: "k", effect: "NoSchedule" }] } } },
    pod: {},
    want: "0/1 nodes are available: 1 node(s) had untolerated taint(s).",
  },
  {
    name: "tolerates taints",
    nodes: { a: { spec: { taints: [{ key: "k", value: "v", effect: "NoSchedule" }] } } },
    pod: { spec: { tolerations: [{ key: "k", operator: "Exists" }] } },
    want: "a",
  },
  {
    name: "prefers a node without soft taints",
    nodes: { a: { spec: { taints: [{ key: "k", effect: "PreferNoSchedule" }] } }, b: {} },
    pod: {},
    want: "b",
  },
  {
    name: "leaves cordoned nodes alone",
    nodes: { a: { spec: { unschedulable: true } } },
    pod: {},
    want: "0/1 nodes are available: 1 node(s) were unschedulable.",
  },
  {
    name: "follows nodeSelector",
    nodes: { a: {}, b: { labels: { disk: "ssd" } } },
    pod: { spec: { nodeSelector: { disk: "ssd" } } },
    want: "b",
  },
  {
    name: "follows required node affinity",
    nodes: { a: { labels: { size: "3" } }, b: { labels: { size: "9" } } },
    pod: {
      spec: {
        affinity: {
          nodeAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: {
              nodeSelectorTerms: [{ matchExpressions: [{ key: "size", operator: "Gt", values: ["5"] }] }],
            },
          },
        },
      },
    },
    want: "b",
  },
  {
    name: "prefers by node affinity",
    nodes: { a: {}, b: { labels: { disk: "ssd" } } },
    pod: {
      spec: {
        affinity: {
          nodeAffinity: {
            preferredDuringSchedulingIgnoredDuringExecution: [
              { weight: 100, preference: { matchExpressions: [{ key: "disk", operator: "Exists" }] } },
            ],
          },
        },
      },
    },
    want: "b",
  },
  {
    name: "gives a host port once per node",
    nodes: { a: {}, b: {} },
    running: {
      "p@a": {
        spec: { containers: [{ name: "c", image: "i", ports: [{ containerPort: 80, hostPort: 80 }] }] },
      },
    },
    pod: { spec: { containers: [{ name: "c", image: "i", ports: [{ containerPort: 80, hostPort: 80 }] }] } },
    want: "b",
  },
  {
    name: "counts pods",
    nodes: { a: { pods: "1" } },
    running: { "p@a": {} },
    pod: {},
    want: "0/1 nodes are available: 1 Too many pods.",
  },
  {
    name: "spreads the pods of one controller",
    nodes: { a: {}, b: {} },
    running: { "p@a": { owner: "rs1" } },
    pod: { owner: "rs1" },
    want: "b",
  },
  {
    name: "joins pods it must be near",
    nodes: { a: {}, b: {} },
    running: { "p@b": { labels: { app: "web" } } },
    pod: { spec: { affinity: { podAffinity: required(nearWeb) } } },
    want: "b",
  },
  {
    name: "lets the first of a group go anywhere",
    nodes: { a: {} },
    pod: { labels: { app: "web" }, spec: { affinity: { podAffinity: required(nearWeb) } } },
    want: "a",
  },
  {
    name: "keeps away from pods it must avoid",
    nodes: { a: {}, b: {} },
    running: { "p@b": { labels: { app: "web" } } },
    pod: { spec: { affinity: { podAntiAffinity: required(nearWeb) } } },
    want: "a",
  },
  {
    name: "respects the anti-affinity of pods that run",
    nodes: { a: {} },
    running: { "p@a": { spec: { affinity: { podAntiAffinity: required(nearWeb) } } } },
    pod: { labels: { app: "web" } },
    want: "0/1 nodes are available: 1 node(s) didn't satisfy existing pods anti-affinity rules.",
  },
  {
    name: "keeps zones even",
    nodes: { a: { labels: zone("z1") }, b: { labels: zone("z2") } },
    running: { "p@a": { labels: { app: "web" } } },
    pod: {
      labels: { app: "web" },
      spec: {
        topologySpreadConstraints: [
          {
            maxSkew: 1,
            topologyKey: "topology.kubernetes.io/zone",
            whenUnsatisfiable: "DoNotSchedule",
            labelSelector: web,
          },
        ],
      },
    },
    want: "b",
  },
  {
    name: "needs the label of a hard spread constraint",
    nodes: { a: {} },
    pod: {
      spec: {
        topologySpreadConstraints: [
          {
            maxSkew: 1,
            topologyKey: "topology.kubernetes.io/zone",
            whenUnsatisfiable: "DoNotSchedule",
            labelSelector: web,
          },
        ],
      },
    },
    want: "0/1 nodes are available: 1 node(s) didn't match pod topology spread constraints (missing required label).",
  },
];

for (const { name, nodes, running = {}, pod, want } of cases) {
  test(`find() ${name}`, () => {
    const cache = testCluster(nodes, running);
    const finder = new NodeFinder(framework, new NominatedPods(), () => 0.5);
    const found = findNow(finder, podInfo(testPod("new", pod)), cache);
    if (found.kind === "node") return assert.equal(found.node.name, want);
    const { statuses } = found.refused;
    assert.equal(fitErrorMessage({ nodes: cache.nodes.length, statuses }, ""), want);
  });
}

test("find() gives back exactly what it took when nominated pods are tried", () => {
  const cache = testCluster({ a: { cpu: "1" } }, {});
  const nominated = new NominatedPods();
  nominated.set(podInfo(testPod("promised", { cpu: "1", spec: { priority: 10 } })), "a");
  const finder = new NodeFinder(framework, nominated, () => 0);
  const found = findNow(finder, podInfo(testPod("new", { cpu: "1" })), cache);
  assert.equal(found.kind, "unschedulable");
  assert.equal(cache.get("a")!.requested.milliCPU, 0);
});

const numbers = { minCandidateNodesAbsolute: 100, minCandidateNodesPercentage: 10 };
type Refused = Extract<ReturnType<typeof findNow>, { readonly kind: "unschedulable" }>;

function candidates(finder: NodeFinder, pod: PodInfo, { cycle, refused }: Refused, slices: Slices) {
  return findCandidates(finder, pod, cycle!, refused, [], () => 0, numbers, slices);
}

function candidatesNow(finder: NodeFinder, pod: PodInfo, refused: Refused): CandidatesFound {
  const slices = { isOver: () => false, next: () => Promise.resolve(), isGone: () => false };
  const found = candidates(finder, pod, refused, slices);
  assert.ok(!(found instanceof Promise));
  return found;
}

test("findCandidates() lets others have their turn, and passes over nodes that go meanwhile", async () => {
  const low = { cpu: "2", spec: { priority: 1 } };
  const cache = testCluster(
    { a: { cpu: "2" }, b: { cpu: "2" }, c: { cpu: "2" } },
    { "low@a": low, "low2@b": low, "low3@c": low },
  );
  const pod = podInfo(testPod("new", { cpu: "2", spec: { priority: 100 } }));
  const finder = new NodeFinder(framework, new NominatedPods(), () => 0);
  const found = findNow(finder, pod, cache);
  assert.ok(found.kind === "unschedulable");
  let turns = 0;
  const result = await candidates(finder, pod, found, {
    isOver: () => true,
    async next() {
      if (++turns === 2) cache.removeNode("b");
    },
    isGone: (node) => cache.get(node.name) !== node,
  });
  assert.deepEqual(
    [turns, result.candidates.map(({ node }) => node.name), result.statuses.length],
    [3, ["a", "c"], 1],
  );
});

test("selectCandidate() takes the least important pods that make room", () => {
  const cache = testCluster(
    { a: { cpu: "2" }, b: { cpu: "2" } },
    {
      "low@a": { cpu: "2", spec: { priority: 1 } },
      "mid@b": { cpu: "1", spec: { priority: 5 } },
      "mid2@b": { cpu: "1", spec: { priority: 5 } },
    },
  );
  const pod = podInfo(testPod("new", { cpu: "2", spec: { priority: 100 } }));
  const finder = new NodeFinder(framework, new NominatedPods(), () => 0);
  const found = findNow(finder, pod, cache);
  assert.ok(found.kind === "unschedulable" && found.cycle !== undefined);
  const { candidates: all } = candidatesNow(finder, pod, found);
  const { node, victims } = selectCandidate(all);
  assert.equal(node.name, "a");
  assert.deepEqual(
    victims.map(({ pod: { metadata } }) => metadata.name),
    ["low"],
  );
  assert.equal(cache.get("b")!.pods.size, 2);
});

test("find() and findCandidates() know from an equal pod what has not changed", () => {
  const cache = testCluster(
    { a: { cpu: "2" }, b: { cpu: "2" } },
    { "low@a": { cpu: "2", spec: { priority: 1 } }, "low2@b": { cpu: "2", spec: { priority: 2 } } },
  );
  const nominated = new NominatedPods((nodeName) => cache.touch(nodeName));
  const finder = new NodeFinder(framework, nominated, () => 0);
  const preempt = (name: string): string => {
    const pod = podInfo(testPod(name, { cpu: "2", spec: { priority: 100 } }));
    const found = findNow(finder, pod, cache);
    if (found.kind === "node") return `fits on ${found.node.name}`;
    const { candidates: all } = candidatesNow(finder, pod, found);
    if (all.length === 0) return "nobody to send away";
    const { node, victims } = selectCandidate(all);
    nominated.set(pod, node.name, victims);
    return `takes ${node.name}`;
  };
  assert.deepEqual([preempt("x"), preempt("y"), preempt("z")], ["takes a", "takes b", "nobody to send away"]);
  cache.setNode(testNode("c", { cpu: "2" }));
  assert.equal(preempt("z"), "fits on c");
  cache.removePod("uid-low");
  assert.equal(preempt("x"), "fits on a");
});

test("feasibleWanted() looks at every node of a small cluster and at 5 % of a very large one", () => {
  assert.deepEqual(
    [50, 1_000, 5_000, 15_000].map((nodes) => feasibleWanted(nodes)),
    [50, 420, 500, 750],
  );
});

test("a pod's request is the larger of init and run phase, with sidecars in both", () => {
  const pod: Pod = testPod("p", {
    cpu: "300m",
    spec: {
      initContainers: [
        { name: "sidecar", image: "i", restartPolicy: "Always", ...requests("100m") },
        { name: "init", image: "i", ...requests("500m") },
      ],
      overhead: { cpu: "10m" },
    },
  });
  assert.equal(podInfo(pod).requests.milliCPU, 610);
});

function requests(cpu: string): object {
  return { resources: { requests: { cpu } } };
}
