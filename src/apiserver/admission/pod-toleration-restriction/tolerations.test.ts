import assert from "node:assert/strict";
import { test } from "node:test";
import type { Toleration } from "#api/core/v1/types.gen";
import { isWithin, mergeTolerations } from "./tolerations.ts";

const all: Toleration = { operator: "Exists" };
const key: Toleration = { key: "k", operator: "Exists" };
const value: Toleration = { key: "k", operator: "Equal", value: "v", effect: "NoSchedule" };
const brief: Toleration = { key: "k", operator: "Exists", effect: "NoExecute", tolerationSeconds: 10 };
const long: Toleration = { ...brief, tolerationSeconds: 60 };

test("isWithin() wants each toleration covered by one of the list", () => {
  const table: readonly (readonly [Toleration, Toleration, boolean])[] = [
    [value, key, true],
    [value, all, true],
    [key, value, false],
    [all, key, false],
    [brief, long, true],
    [long, brief, false],
    [value, { ...value, value: "w" }, false],
    [value, { ...value, effect: "NoExecute" }, false],
    [{ key: "k", value: "v", effect: "NoSchedule" }, { ...value, key: "other" }, false],
  ];
  for (const [one, allowed, expected] of table) {
    assert.equal(isWithin([one], [allowed]), expected, JSON.stringify([one, allowed]));
  }
  assert.ok(isWithin([all], []));
});

test("mergeTolerations() keeps what covers others, and of equal ones the first", () => {
  assert.deepEqual(mergeTolerations([value, key], [key, brief]), [key]);
  assert.deepEqual(mergeTolerations([brief], [long]), [long]);
  assert.deepEqual(mergeTolerations([value], [{ ...value, value: "w" }]), [value, { ...value, value: "w" }]);
});
