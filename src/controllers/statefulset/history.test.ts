import assert from "node:assert/strict";
import { test } from "node:test";
import { applyConstantDefaults } from "#api/defaulting";
import type { ControllerRevision, StatefulSet, StatefulSetStatus } from "#api/apps/v1/types.gen";
import type { Pod, PodTemplateSpec } from "#api/core/v1/types.gen";
import { templatePatch } from "../controller-revision.ts";
import { atRevision, planHistory, surplusRevisions } from "./history.ts";

const templateOf = (image: string): PodTemplateSpec => ({
  metadata: { labels: { app: "web" } },
  spec: { containers: [{ name: "web", image }] },
});

function setOf(image: string, revisionHistoryLimit: number = 10, status?: StatefulSetStatus): StatefulSet {
  return {
    apiVersion: "apps/v1",
    kind: "StatefulSet",
    metadata: { name: "web", namespace: "default", uid: "uid-web" },
    spec: { revisionHistoryLimit, selector: {}, serviceName: "web", template: templateOf(image) },
    ...(status !== undefined && { status }),
  };
}

interface Stored {
  readonly number?: number;
  readonly image?: string;
  readonly made?: string;
}

function revisionOf(name: string, { number = 1, image = name, made = "0" }: Stored = {}): ControllerRevision {
  return {
    apiVersion: "apps/v1",
    kind: "ControllerRevision",
    metadata: { name, uid: `uid-${name}`, creationTimestamp: `2026-01-01T00:00:0${made}Z` },
    data: templatePatch(templateOf(image)),
    revision: number,
  };
}

const podOf = (revision: string): Pod => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "web-0", labels: { "controller-revision-hash": revision } },
});

const a = revisionOf("a", { number: 1 });
const b = revisionOf("b", { number: 2 });

const plans: readonly {
  readonly title: string;
  readonly image: string;
  readonly owned: readonly ControllerRevision[];
  readonly want: readonly [name: string | undefined, number: number, isOutdated: boolean];
}[] = [
  { title: "the first is made as number 1", image: "a", owned: [], want: [undefined, 1, false] },
  { title: "a new template is made after the last", image: "c", owned: [b, a], want: [undefined, 3, false] },
  { title: "the last is found again", image: "b", owned: [b, a], want: ["b", 2, false] },
  {
    title: "an older one is used again under a new number",
    image: "a",
    owned: [a, b],
    want: ["a", 3, true],
  },
  {
    title: "of two equal ones the later is used",
    image: "a",
    owned: [a, revisionOf("a2", { number: 2, image: "a" })],
    want: ["a2", 2, false],
  },
  {
    title: "of one number the later made is the last",
    image: "x",
    owned: [revisionOf("x", { number: 2, made: "2" }), revisionOf("y", { number: 2, made: "1" })],
    want: ["x", 2, false],
  },
  {
    title: "of one number and one second the name decides, and the other is renumbered",
    image: "x",
    owned: [revisionOf("y", { number: 2 }), revisionOf("x", { number: 2 })],
    want: ["x", 3, true],
  },
];

for (const { title, image, owned, want } of plans)
  test(`planHistory(): ${title}`, () => {
    const { update, isOutdated } = planHistory(setOf(image), owned);
    const name = update.metadata.uid === undefined ? undefined : update.metadata.name;
    assert.deepEqual([name, update.revision, isOutdated], want);
  });

const nameAfter = (collisionCount: number): string =>
  planHistory(setOf("a", 10, { replicas: 0, collisionCount }), []).update.metadata.name;

test("planHistory() names a revision by its template and the collisions so far, and the same again each time", () => {
  assert.equal(nameAfter(0), nameAfter(0));
  assert.notEqual(nameAfter(0), nameAfter(1));
});

test("planHistory() takes the last revision for the present one when only defaults are missing in it", () => {
  const set = applyConstantDefaults(setOf("a"));
  assert.notDeepEqual(set.spec?.template, templateOf("a"));
  assert.equal(planHistory(set, [a]).update, a);
  // only the last: upstream looks no further
  const { update, isOutdated } = planHistory(set, [a, b]);
  assert.deepEqual([update.metadata.uid, update.revision, isOutdated], [undefined, 3, false]);
});

test("planHistory() finds the current revision by the name in the status", () => {
  const status = { replicas: 1, currentRevision: "a" };
  assert.equal(planHistory(setOf("b", 10, status), [a, b]).current, a);
  assert.equal(
    planHistory(setOf("b", 10, { ...status, currentRevision: "gone" }), [a, b]).current,
    undefined,
  );
});

test("atRevision() gives back the template, and says when there is none", () => {
  assert.deepEqual(atRevision(setOf("b"), a).spec?.template, templateOf("a"));
  assert.throws(
    () => atRevision(setOf("b"), { ...a, data: {} }),
    /ControllerRevision a holds no pod template/,
  );
});

const four = ["1", "2", "3", "4"].map((name) => revisionOf(name, { number: Number(name) }));
const live = [four[3]!];

for (const [limit, pods, want] of [
  [0, [], ["1", "2", "3"]],
  [1, [], ["1", "2"]],
  [1, [podOf("1")], ["2"]],
  [0, [podOf("1"), podOf("4")], ["2", "3"]],
  [3, [], []],
  [-1, [], []],
] as const)
  test(`surplusRevisions() with a limit of ${limit} and pods of ${pods.length} revisions`, () => {
    const surplus = surplusRevisions(setOf("4", limit), four.toReversed(), live, pods);
    assert.deepEqual(
      surplus.map(({ metadata }) => metadata.name),
      want,
    );
  });
