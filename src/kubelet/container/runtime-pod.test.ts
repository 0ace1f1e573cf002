import assert from "node:assert/strict";
import { test } from "node:test";
import { hasNewEnd } from "./runtime-pod.ts";
import { testRuntimePod } from "./testing.ts";

test("hasNewEnd() sees a container that ended meanwhile, also one that began meanwhile, and each only once", () => {
  const cases: readonly (readonly [
    before: readonly string[],
    after: readonly string[],
    expected: boolean,
  ])[] = [
    [["a=running"], ["a=exited:1"], true],
    [[], ["a=exited:1"], true],
    [["a=exited:1@0"], ["a=exited:1@1", "a=exited:1@0"], true],
    [["a=exited:1"], ["a=exited:1"], false],
    [["a=exited:1@0"], ["a=running@1", "a=exited:1@0"], false],
    [["a=exited:1"], [], false],
  ];
  for (const [before, after, expected] of cases)
    assert.equal(hasNewEnd(testRuntimePod(before), testRuntimePod(after)), expected, after.join());
});
