/** A pod is counted once, however late the cache. @module */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod } from "#api/core/v1/types.gen";
import { ReleasedPods } from "./released-pods.ts";
import { TRACKING_FINALIZER } from "./tracking.ts";

const held = (uid: string): Pod => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: uid, uid, finalizers: [TRACKING_FINALIZER] },
});
const free = (uid: string): Pod => ({ ...held(uid), metadata: { name: uid, uid } });

test("ReleasedPods keeps a pod as long as a sync is shown its finalizer", () => {
  const released = new ReleasedPods();
  released
    .shownBy("a/job", [held("1"), held("2")])
    .add("1")
    .add("2");
  assert.deepEqual([...released.shownBy("a/job", [held("1"), held("2"), held("3")])], ["1", "2"]);
  assert.deepEqual([...released.shownBy("a/job", [free("1"), held("2")])], ["2"]);
  // what was shown as gone is not shown again: caches do not go back
  assert.deepEqual([...released.shownBy("a/job", [held("2")])], ["2"]);
  assert.deepEqual([...released.shownBy("a/job", [])], []);
});

test("ReleasedPods holds Jobs apart, and forgets those that ended", () => {
  const released = new ReleasedPods();
  released.shownBy("a/job", [held("1")]).add("1");
  assert.deepEqual([...released.shownBy("b/job", [held("1")])], []);
  released.forget("a/job");
  assert.deepEqual([...released.shownBy("a/job", [held("1")])], []);
});
