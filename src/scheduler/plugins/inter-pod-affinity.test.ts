import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { withMatchLabelKeys } from "#api/core/v1/match-label-keys";
import type { LabelSelector } from "#api/meta/v1/types.gen";
import type { Pod, PodAffinityTerm, PodSpec } from "#api/core/v1/types.gen";
import { podInfo } from "../cache/pod-info.ts";
import { filterBy, scoreBy, testCluster, testPod, type PodShape } from "../fixture.ts";
import { interPodAffinity } from "./inter-pod-affinity.ts";

const AFFINITY = "UnschedulableAndUnresolvable: node(s) didn't match pod affinity rules";
const ANTI = "Unschedulable: node(s) didn't match pod anti-affinity rules";
const EXISTING = "Unschedulable: node(s) didn't satisfy existing pods anti-affinity rules";

const teams: Readonly<Record<string, string>> = {
  "one.team1": "team1",
  "two.team1": "team1",
  "one.team2": "team2",
};
const plugin = interPodAffinity((name) => (teams[name] === undefined ? {} : { team: teams[name] }), {
  hardPodAffinityWeight: 1,
  ignorePreferredTermsOfExistingPods: false,
});

const web = { matchLabels: { app: "web" } };
const term = (extra: Partial<PodAffinityTerm> = {}): PodAffinityTerm => ({
  labelSelector: web,
  topologyKey: "kubernetes.io/hostname",
  ...extra,
});
const inTeam = (team: string): { readonly namespaceSelector: LabelSelector } => ({
  namespaceSelector: { matchExpressions: [{ key: "team", operator: "In", values: [team] }] },
});
const near = (extra?: Partial<PodAffinityTerm>): Partial<PodSpec> => ({
  affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term(extra)] } },
});
const apart = (extra?: Partial<PodAffinityTerm>): Partial<PodSpec> => ({
  affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term(extra)] } },
});

/** As the API server takes it. */
function taken(name: string, shape: PodShape): Pod {
  const pod = testPod(name, shape);
  return { ...pod, spec: withMatchLabelKeys(pod.spec!, shape.labels ?? {}) };
}

function clusterOf(running: Readonly<Record<string, PodShape>>) {
  return testCluster(
    { a: {}, b: {} },
    Object.fromEntries(
      Object.entries(running).map(([place, shape]) => [
        place,
        { ...shape, ...(shape.spec && { spec: taken("", shape).spec! }) },
      ]),
    ),
  );
}

const app = { app: "web" };
const v1 = { ...app, version: "1" };
const v2 = { ...app, version: "2" };
const byVersion = { matchLabelKeys: ["version"] };
const byOtherVersion = { mismatchLabelKeys: ["version"] };

interface Case {
  readonly name: string;
  readonly running: Readonly<Record<string, PodShape>>;
  readonly pod: PodShape;
  readonly want: Readonly<Record<string, string>>;
}

const cases: readonly Case[] = [
  {
    name: "looks in the namespaces that the namespaceSelector selects",
    running: { "p@a": { labels: app, namespace: "one.team1" } },
    pod: { spec: near(inTeam("team1")) },
    want: { a: "fits", b: AFFINITY },
  },
  {
    name: "finds nobody in namespaces that it does not select",
    running: { "p@a": { labels: app, namespace: "one.team2" } },
    pod: { spec: near(inTeam("team1")) },
    want: { a: AFFINITY, b: AFFINITY },
  },
  {
    name: "does not look in its own namespace when there is a namespaceSelector",
    running: { "p@a": { labels: app } },
    pod: { spec: near(inTeam("team1")) },
    want: { a: AFFINITY, b: AFFINITY },
  },
  {
    name: "looks in the named namespaces besides those selected",
    running: {
      "p@a": { labels: app, namespace: "one.team2" },
      "q@b": { labels: app, namespace: "one.team1" },
    },
    pod: { spec: near({ ...inTeam("team1"), namespaces: ["one.team2"] }) },
    want: { a: "fits", b: "fits" },
  },
  {
    name: "keeps away from pods in selected namespaces",
    running: { "p@a": { labels: app, namespace: "two.team1" } },
    pod: { namespace: "one.team1", spec: apart(inTeam("team1")) },
    want: { a: ANTI, b: "fits" },
  },
  {
    name: "keeps away from pods in every namespace with an empty namespaceSelector",
    running: { "p@a": { labels: app, namespace: "two.team1" }, "q@b": { labels: app, namespace: "unknown" } },
    pod: { namespace: "one.team1", spec: apart({ namespaceSelector: {} }) },
    want: { a: ANTI, b: ANTI },
  },
  {
    name: "does not keep away from pods in namespaces that are not selected",
    running: { "p@a": { labels: app, namespace: "one.team2" } },
    pod: { namespace: "one.team1", spec: apart(inTeam("team1")) },
    want: { a: "fits", b: "fits" },
  },
  {
    name: "is kept away by pods that run, by the namespaceSelector of theirs",
    running: {
      "p@a": { namespace: "two.team1", spec: apart(inTeam("team1")) },
      "q@b": { namespace: "one.team2", spec: apart(inTeam("team2")) },
    },
    pod: { namespace: "one.team1", labels: app },
    want: { a: EXISTING, b: "fits" },
  },
  {
    name: "joins pods with its own value of matchLabelKeys only",
    running: { "p@a": { labels: v1 }, "q@b": { labels: v2 } },
    pod: { labels: v2, spec: near(byVersion) },
    want: { a: AFFINITY, b: "fits" },
  },
  {
    name: "keeps away from pods with its own value of matchLabelKeys only",
    running: { "p@a": { labels: v1 }, "q@b": { labels: v2 } },
    pod: { labels: v2, spec: apart(byVersion) },
    want: { a: "fits", b: ANTI },
  },
  {
    name: "passes over matchLabelKeys that the pod does not have",
    running: { "p@a": { labels: v1 } },
    pod: { labels: app, spec: apart(byVersion) },
    want: { a: ANTI, b: "fits" },
  },
  {
    name: "joins pods with other values of mismatchLabelKeys only",
    running: { "p@a": { labels: v1 }, "q@b": { labels: v2 } },
    pod: { labels: v2, spec: near(byOtherVersion) },
    want: { a: "fits", b: AFFINITY },
  },
  {
    name: "keeps away from pods with other values of mismatchLabelKeys only",
    running: { "p@a": { labels: v1 }, "q@b": { labels: v2 } },
    pod: { labels: v2, spec: apart(byOtherVersion) },
    want: { a: ANTI, b: "fits" },
  },
  {
    name: "is kept away by pods that run, by the matchLabelKeys of theirs",
    running: { "p@a": { labels: v1, spec: apart(byVersion) }, "q@b": { labels: v2, spec: apart(byVersion) } },
    pod: { labels: v2 },
    want: { a: "fits", b: EXISTING },
  },
  {
    name: "may be the first of a series by matchLabelKeys, though others of another value are there",
    running: { "p@a": { labels: v1 } },
    pod: { labels: v2, spec: near(byVersion) },
    want: { a: "fits", b: "fits" },
  },
];

describe("InterPodAffinity filter", () => {
  for (const { name, running, pod, want } of cases)
    test(name, () =>
      assert.deepEqual(filterBy(plugin, podInfo(taken("new", pod)), clusterOf(running)), want),
    );
});

const prefers = (weight: number, extra?: Partial<PodAffinityTerm>): Partial<PodSpec> => ({
  affinity: {
    podAffinity: {
      preferredDuringSchedulingIgnoredDuringExecution: [{ weight, podAffinityTerm: term(extra) }],
    },
  },
});

interface ScoreCase {
  readonly name: string;
  readonly running: Readonly<Record<string, PodShape>>;
  readonly pod: PodShape;
  readonly want: Readonly<Record<string, number>>;
}

const scoreCases: readonly ScoreCase[] = [
  {
    name: "counts pods in the namespaces that the namespaceSelector selects",
    running: {
      "p@a": { labels: app, namespace: "one.team2" },
      "q@b": { labels: app, namespace: "one.team1" },
    },
    pod: { spec: prefers(5, inTeam("team1")) },
    want: { a: 0, b: 100 },
  },
  {
    name: "counts the wishes of pods that run, by the namespaceSelector of theirs",
    running: {
      "p@a": { namespace: "one.team2", spec: prefers(5, inTeam("team2")) },
      "q@b": { namespace: "one.team2", spec: prefers(5, inTeam("team1")) },
    },
    pod: { labels: app, namespace: "two.team1" },
    want: { a: 0, b: 100 },
  },
  {
    name: "counts pods with its own value of matchLabelKeys",
    running: { "p@a": { labels: v1 }, "q@b": { labels: v2 } },
    pod: { labels: v2, spec: prefers(5, byVersion) },
    want: { a: 0, b: 100 },
  },
  {
    name: "counts pods with other values of mismatchLabelKeys",
    running: { "p@a": { labels: v1 }, "q@b": { labels: v2 } },
    pod: { labels: v2, spec: prefers(5, byOtherVersion) },
    want: { a: 100, b: 0 },
  },
];

describe("InterPodAffinity score", () => {
  for (const { name, running, pod, want } of scoreCases)
    test(name, () => assert.deepEqual(scoreBy(plugin, podInfo(taken("new", pod)), clusterOf(running)), want));
});

test("InterPodAffinity goes by the selector that the API server wrote when a label changes later", () => {
  const pod = taken("new", { labels: v1, spec: near(byVersion) });
  const relabelled = { ...pod, metadata: { ...pod.metadata, labels: v2 } };
  const cluster = clusterOf({ "p@a": { labels: v1 }, "q@b": { labels: v2 } });
  assert.deepEqual(filterBy(plugin, podInfo(relabelled), cluster), { a: "fits", b: AFFINITY });
});
