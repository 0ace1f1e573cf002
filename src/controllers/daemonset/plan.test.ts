import assert from "node:assert/strict";
import { test } from "node:test";
import type { DaemonSet } from "#api/apps/v1/types.gen";
import type { Node, Pod, PodSpec, Taint } from "#api/core/v1/types.gen";
import { newNode, newPod, START, START_MS } from "../testing/objects.ts";
import { daemonPod, eligibility, nodeNameOf } from "./eligible.ts";
import { planHistory, surplusRevisions } from "./history.ts";
import { placesOf, plan, planStatus } from "./plan.ts";

type Rolling = NonNullable<NonNullable<NonNullable<DaemonSet["spec"]>["updateStrategy"]>["rollingUpdate"]>;

function daemonSet(pod: Partial<PodSpec> = {}, rollingUpdate: Rolling = { maxUnavailable: 1 }): DaemonSet {
  const spec = { containers: [{ name: "c", image: "v1" }], ...pod };
  return {
    apiVersion: "apps/v1",
    kind: "DaemonSet",
    metadata: { name: "agent", namespace: "default", uid: "uid-agent", generation: 1 },
    spec: {
      selector: { matchLabels: { app: "agent" } },
      template: { metadata: { labels: { app: "agent" } }, spec },
      updateStrategy: { type: "RollingUpdate", rollingUpdate },
    },
  };
}

const tainted = (...effects: readonly string[]): Node => {
  const taints: readonly Taint[] = effects.map((effect) => ({ key: "k", effect }));
  return newNode("n1", "True", { spec: { taints } });
};
const requiring = (key: string, operator: string, values: readonly string[]): Partial<PodSpec> => ({
  affinity: {
    nodeAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: {
        nodeSelectorTerms: [{ matchExpressions: [{ key, operator, values }] }],
      },
    },
  },
});
const zone = newNode("n1", "True", { metadata: { name: "n1", labels: { zone: "a", size: "5" } } });

const places: readonly {
  readonly name: string;
  readonly spec?: Partial<PodSpec>;
  readonly node: Node;
  readonly want: string;
}[] = [
  { name: "a plain node", node: newNode("n1"), want: "run" },
  { name: "a node that is not ready", node: newNode("n1", "Unknown"), want: "run" },
  { name: "a node that must not be scheduled on", node: tainted("NoSchedule"), want: "continue" },
  { name: "a node that drives pods away", node: tainted("NoExecute"), want: "no" },
  { name: "a node whose taint is a preference", node: tainted("PreferNoSchedule"), want: "run" },
  {
    name: "a tainted node that is tolerated",
    spec: { tolerations: [{ operator: "Exists" }] },
    node: tainted("NoExecute"),
    want: "run",
  },
  {
    name: "a cordoned node",
    node: newNode("n1", "True", {
      spec: { taints: [{ key: "node.kubernetes.io/unschedulable", effect: "NoSchedule" }] },
    }),
    want: "run",
  },
  {
    name: "a node without the selected label",
    spec: { nodeSelector: { zone: "a" } },
    node: newNode("n1"),
    want: "no",
  },
  { name: "a node with the selected label", spec: { nodeSelector: { zone: "a" } }, node: zone, want: "run" },
  { name: "a node of a required zone", spec: requiring("zone", "In", ["a", "b"]), node: zone, want: "run" },
  { name: "a node of another zone", spec: requiring("zone", "NotIn", ["a"]), node: zone, want: "no" },
  { name: "a node that is large enough", spec: requiring("size", "Gt", ["4"]), node: zone, want: "run" },
  { name: "another node than the one named", spec: { nodeName: "n2" }, node: newNode("n1"), want: "no" },
];

for (const { name, spec = {}, node, want } of places) {
  test(`eligibility() of ${name} is ${want}`, () => {
    const { shouldRun, shouldContinue } = eligibility(daemonSet(spec), node);
    assert.equal(shouldRun ? "run" : shouldContinue ? "continue" : "no", want);
  });
}

test("daemonPod() is bound to its node by affinity, and tolerates what ails nodes", () => {
  const pod = daemonPod(daemonSet(requiring("zone", "In", ["a"])), "n1", "h");
  assert.equal(nodeNameOf(pod), "n1");
  assert.equal(pod.metadata.labels?.["controller-revision-hash"], "h");
  const [term] =
    pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  assert.equal(term?.matchExpressions?.[0]?.key, "zone");
  assert.equal(pod.spec?.tolerations?.length, 6);
  assert.equal(daemonPod(daemonSet({ hostNetwork: true }), "n1", "h").spec?.tolerations?.length, 7);
});

/** `pods` is NODE[:state…], state one of old, down, failed, going, unbound. The order is that of creation. */
const cases: readonly {
  readonly name: string;
  readonly pods: string;
  readonly nodes?: string;
  readonly rolling?: Rolling;
  readonly want: string;
}[] = [
  { name: "creates where nothing is", pods: "n1", want: "+n2 +n3" },
  { name: "does nothing when all is well", pods: "n1 n2 n3", want: "" },
  { name: "removes what was meant for nodes that are gone", pods: "n1 n2 n3 n4:unbound", want: "-n4" },
  { name: "leaves what ran on nodes that are gone", pods: "n1 n2 n3 n4", want: "" },
  { name: "keeps the one that has its node", pods: "n1:unbound n1 n2 n3", want: "-n1" },
  { name: "replaces what ended and is going", pods: "n1:failed:going n2 n3", want: "+n1" },
  {
    name: "replaces a pod that is going at once where it may surge",
    pods: "n1:going n2 n3",
    rolling: { maxSurge: 1, maxUnavailable: 0 },
    want: "+n1",
  },
  { name: "keeps the oldest of several", pods: "n1 n1 n2 n3", want: "-n1'" },
  { name: "removes failed pods before it makes new ones", pods: "n1:failed n2 n3", want: "-n1" },
  { name: "waits for a pod that is going", pods: "n1:going n2 n3", want: "" },
  { name: "updates one at a time", pods: "n1:old n2:old n3:old", want: "-n1" },
  {
    name: "updates pods that are down at once, and no other",
    pods: "n1:old n2:old:down n3:old",
    want: "-n2",
  },
  { name: "waits for the new pod", pods: "n1:down n2:old n3:old", want: "" },
  {
    name: "updates several where that is allowed",
    pods: "n1:old n2:old n3:old",
    rolling: { maxUnavailable: "50%" },
    want: "-n1 -n2",
  },
  {
    name: "surges before it removes",
    pods: "n1:old n2:old n3:old",
    rolling: { maxSurge: 1, maxUnavailable: 0 },
    want: "+n1",
  },
  {
    name: "removes the old pod when the surged one is available",
    pods: "n1:old n1 n2:old n3:old",
    rolling: { maxSurge: 1, maxUnavailable: 0 },
    want: "-n1",
  },
  {
    name: "waits for the surged pod",
    pods: "n1:old n1:down n2:old n3:old",
    rolling: { maxSurge: 1, maxUnavailable: 0 },
    want: "",
  },
];

for (const { name, pods, rolling = { maxUnavailable: 1 }, want } of cases) {
  test(`plan() ${name}`, () => {
    const ds = daemonSet({}, rolling);
    const all = placesOf(
      ds,
      ["n1", "n2", "n3"].map((node) => newNode(node)),
      parse(pods),
    );
    const { create, remove } = plan(ds, all, "new", START_MS);
    assert.equal(
      [...create.map((node) => `+${node}`), ...remove.map(({ metadata }) => `-${metadata.name}`)].join(" "),
      want,
    );
  });
}

function parse(text: string): readonly Pod[] {
  const seen = new Set<string>();
  return text.split(" ").map((word) => {
    const [node = "", ...states] = word.split(":");
    const name = seen.has(node) ? `${node}'` : node;
    seen.add(node);
    const matchFields = [{ key: "metadata.name", operator: "In", values: [node] }];
    const required = {
      requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchFields }] },
    };
    return newPod(name, {
      ...(states.includes("unbound") ? { spec: { affinity: { nodeAffinity: required } } } : { node }),
      ready: !states.includes("down"),
      phase: states.includes("failed") ? "Failed" : "Running",
      labels: { app: "agent", "controller-revision-hash": states.includes("old") ? "old" : "new" },
      metadata: states.includes("going") ? { deletionTimestamp: START } : {},
    });
  });
}

test("plan() leaves pods alone with OnDelete", () => {
  const ds = daemonSet();
  const onDelete: DaemonSet = { ...ds, spec: { ...ds.spec!, updateStrategy: { type: "OnDelete" } } };
  const { create, remove } = plan(
    onDelete,
    placesOf(onDelete, [newNode("n1")], parse("n1:old")),
    "new",
    START_MS,
  );
  assert.deepEqual([create, remove], [[], []]);
});

test("planStatus() counts", () => {
  const ds = daemonSet();
  const all = placesOf(ds, [newNode("n1"), newNode("n2"), newNode("n3")], parse("n1 n2:old:down n9"));
  assert.deepEqual(planStatus(ds, all, "new", START_MS), {
    desiredNumberScheduled: 3,
    currentNumberScheduled: 2,
    numberMisscheduled: 0,
    numberReady: 1,
    observedGeneration: 1,
    updatedNumberScheduled: 1,
    numberAvailable: 1,
    numberUnavailable: 2,
  });
});

test("plan() waits before it replaces pods that failed, not those that succeeded", () => {
  const ds = daemonSet();
  const removed = (phase: string) => {
    const labels = { "controller-revision-hash": "new" };
    const pods = [newPod("p", { node: "n1", phase, labels })];
    return plan(ds, placesOf(ds, [newNode("n1")], pods), "new", START_MS, () => false).remove.length;
  };
  assert.deepEqual([removed("Failed"), removed("Succeeded")], [0, 1]);
});

test("planHistory() numbers revisions, finds old templates again, and drops what nobody runs", () => {
  const first = { ...planHistory(daemonSet(), []).current };
  const stored = { ...first, metadata: { ...first.metadata, uid: "1" } };
  assert.equal(stored.revision, 1);
  assert.equal(planHistory(daemonSet(), [stored]).current, stored);
  const changed = daemonSet({ hostNetwork: true });
  const second = { ...planHistory(changed, [stored]).current, metadata: { name: "second", uid: "2" } };
  assert.equal(second.revision, 2);
  const back = planHistory(daemonSet(), [stored, second]);
  assert.deepEqual([back.isOutdated, back.current.revision, back.old], [true, 3, [second]]);
  const twin = { ...stored, revision: 7, metadata: { ...stored.metadata, name: "twin", uid: "3" } };
  const merged = planHistory(daemonSet(), [stored, twin]);
  assert.deepEqual([merged.current, merged.duplicates, merged.old], [twin, [stored], []]);
  const ds = daemonSet();
  const limited: DaemonSet = { ...ds, spec: { ...ds.spec!, revisionHistoryLimit: 0 } };
  assert.deepEqual(surplusRevisions(limited, [second], []), [second]);
  const running = [newPod("p", { labels: { "controller-revision-hash": "second" } })];
  assert.deepEqual(surplusRevisions(limited, [second], running), []);
});
