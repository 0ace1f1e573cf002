import assert from "node:assert/strict";
import { test } from "node:test";
import type { ControllerRevision, DaemonSet } from "#api/apps/v1/types.gen";
import type { Pod, PodTemplateSpec } from "#api/core/v1/types.gen";
import { templatePatch } from "../controller-revision.ts";
import { hashOf, planHistory, surplusRevisions } from "./history.ts";

const templateOf = (image: string): PodTemplateSpec => ({ spec: { containers: [{ name: "agent", image }] } });
const labelled = (name: string): Readonly<Record<string, string>> => ({ "controller-revision-hash": name });

function setOf(image: string, revisionHistoryLimit: number = 10): DaemonSet {
  return {
    apiVersion: "apps/v1",
    kind: "DaemonSet",
    metadata: { name: "agent", namespace: "default", uid: "uid-agent" },
    spec: { revisionHistoryLimit, selector: {}, template: templateOf(image) },
  };
}

function revisionOf(name: string, revision: number, image: string = name): ControllerRevision {
  return {
    apiVersion: "apps/v1",
    kind: "ControllerRevision",
    metadata: { name, uid: `uid-${name}`, labels: labelled(name) },
    data: templatePatch(templateOf(image)),
    revision,
  };
}

const a = revisionOf("a", 1);
const b = revisionOf("b", 2);

for (const [title, image, owned, want] of [
  ["makes the first as number 1", "a", [], [undefined, 1, false, []]],
  ["makes a new one after the last", "c", [b, a], [undefined, 3, false, []]],
  ["finds the last again", "b", [a, b], ["b", 2, false, []]],
  ["uses an older one again under a new number", "a", [a, b], ["a", 3, true, []]],
  ["keeps the newest of several", "a", [a, revisionOf("a2", 3, "a"), b], ["a2", 3, false, ["a"]]],
] as const)
  test(`planHistory() ${title}`, () => {
    const { current, isOutdated, duplicates } = planHistory(setOf(image), owned);
    const name = current.metadata.uid === undefined ? undefined : current.metadata.name;
    const others = duplicates.map(({ metadata }) => metadata.name);
    assert.deepEqual([name, current.revision, isOutdated, others], want);
  });

const podOf = (revision: string): Pod => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: `agent-${revision}`, labels: labelled(revision) },
});
const old = [3, 1, 2].map((number) => revisionOf(String(number), number));

for (const [limit, pods, want] of [
  [0, [], ["1", "2", "3"]],
  [1, [], ["1", "2"]],
  // unlike a StatefulSet's, revisions in use count, too
  [1, [podOf("1")], ["2", "3"]],
  [2, [podOf("1"), podOf("2")], ["3"]],
  [3, [], []],
] as const)
  test(`surplusRevisions() with a limit of ${limit} and pods of ${pods.length} revisions`, () => {
    const surplus = surplusRevisions(setOf("new", limit), old, pods);
    assert.deepEqual(
      surplus.map(({ metadata }) => metadata.name),
      want,
    );
  });

test("hashOf() is the label, and the name of a revision without one", () => {
  assert.equal(hashOf(a), "a");
  assert.equal(hashOf({ ...a, metadata: { name: "agent-x" } }), "agent-x");
});
