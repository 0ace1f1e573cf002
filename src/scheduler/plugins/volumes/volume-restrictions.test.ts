import assert from "node:assert/strict";
import { test } from "node:test";
import type { PersistentVolumeClaim, Volume } from "#api/core/v1/types.gen";
import { podInfo, type PodInfo } from "../../cache/pod-info.ts";
import { SchedulerCache } from "../../cache/scheduler-cache.ts";
import { testNode, testPod } from "../../fixture.ts";
import type { CycleState } from "../../framework/plugin.ts";
import type { VolumeListers } from "./pod-claims.ts";
import { volumeRestrictions } from "./volume-restrictions.ts";

const claims = new Map([
  ["default/single", { spec: { accessModes: ["ReadWriteOncePod"] } }],
  ["default/other", { spec: { accessModes: ["ReadWriteOncePod"] } }],
  ["default/common", { spec: { accessModes: ["ReadWriteOnce"] } }],
]);
const plugin = volumeRestrictions({
  claims: { get: (key: string) => claims.get(key) as PersistentVolumeClaim | undefined },
} as unknown as VolumeListers);

function using(name: string, ...volumes: readonly (string | Partial<Volume>)[]): PodInfo {
  const all = volumes.map((volume, i) => ({
    name: `v${i}`,
    ...(typeof volume === "string" ? { persistentVolumeClaim: { claimName: volume } } : volume),
  }));
  return podInfo(testPod(name, { spec: { volumes: all } }));
}

function newCache(...pods: readonly PodInfo[]): SchedulerCache {
  const cache = new SchedulerCache();
  cache.setNode(testNode("a"));
  for (const pod of pods) cache.assume(pod, "a");
  return cache;
}

/** What it says of node `a`, or that it has nothing to say. */
function asked(cache: SchedulerCache, pod: PodInfo, change?: (state: CycleState) => void): string {
  const state: CycleState = new Map();
  if (plugin.preFilter!(state, pod, cache)?.skip === true) return "skip";
  change?.(state);
  return plugin.filter!(state, pod, cache.get("a")!)?.reasons[0] ?? "fits";
}

const IN_USE =
  "node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by another pod";
const disk = (readOnly: boolean) => ({ gcePersistentDisk: { pdName: "disk", readOnly } });

const cases: readonly (readonly [string, readonly PodInfo[], PodInfo, string])[] = [
  ["a claim that nobody uses", [], using("p", "single"), "skip"],
  ["a claim that another pod uses", [using("x", "single")], using("p", "single"), IN_USE],
  ["another claim than that in use", [using("x", "other")], using("p", "single"), "skip"],
  ["a claim that many may use", [using("x", "common")], using("p", "common"), "skip"],
  [
    "a disk that another pod writes",
    [using("x", disk(false))],
    using("p", disk(true)),
    "node(s) had no available disk",
  ],
  ["a disk that others only read", [using("x", disk(true))], using("p", disk(true)), "fits"],
];

for (const [name, pods, pod, want] of cases)
  test(`volumeRestrictions() answers for ${name}`, () => assert.equal(asked(newCache(...pods), pod), want));

test("volumeRestrictions() lets a pod use the claim once the other has gone", () => {
  const other = using("x", "single", "other");
  const cache = newCache(other);
  const pod = using("p", "single", "other");
  const node = cache.get("a")!;
  assert.equal(
    asked(cache, pod, (state) => plugin.removePod!(state, pod, other, node)),
    "fits",
  );
  const both = (state: CycleState): void => {
    plugin.removePod!(state, pod, other, node);
    plugin.addPod!(state, pod, other, node);
  };
  assert.equal(asked(cache, pod, both), IN_USE);
  cache.forget(other.uid);
  assert.equal(asked(cache, pod), "skip");
});

test("volumeRestrictions() forgets the pods of a node that is gone until it comes back", () => {
  const cache = newCache(using("x", "single"));
  const pod = using("p", "single");
  cache.removeNode("a");
  assert.equal(asked(cache, pod), "skip");
  cache.setNode(testNode("a"));
  assert.equal(asked(cache, pod), IN_USE);
});
