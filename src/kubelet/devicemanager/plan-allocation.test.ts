import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { type AllocationInput, finishAllocation, startAllocation } from "./plan-allocation.ts";

const ids = (text: string): ReadonlySet<string> => new Set(text === "" ? [] : text.split(" "));

function input(changes: Partial<AllocationInput> = {}): AllocationInput {
  return {
    podUid: "p",
    container: "c",
    resource: "a/b",
    required: 2,
    held: undefined,
    healthy: ids("1 2 3"),
    inUse: ids(""),
    reusable: ids(""),
    ...changes,
  };
}

suite("startAllocation", () => {
  const refusals: readonly [what: string, changes: Partial<AllocationInput>, message: string][] = [
    ["of an unknown resource", { healthy: undefined }, "cannot allocate unregistered device a/b"],
    [
      "without a healthy device",
      { healthy: ids("") },
      "no healthy devices present; cannot allocate unhealthy devices a/b",
    ],
    [
      "of more than is left",
      { inUse: ids("1 3") },
      "requested number of devices unavailable for a/b. Requested: 2, Available: 1",
    ],
    [
      "of more than is left beside what is used again",
      { inUse: ids("1 2 3"), reusable: ids("1") },
      "requested number of devices unavailable for a/b. Requested: 1, Available: 0",
    ],
    [
      "of a request that has changed",
      { held: ids("1") },
      'pod "p" container "c" changed request for resource "a/b" from 1 to 2',
    ],
    [
      "when what it held is no longer healthy",
      { held: ids("1 9") },
      "previously allocated devices are no longer healthy; cannot allocate unhealthy devices a/b",
    ],
  ];
  for (const [what, changes, message] of refusals)
    test(`startAllocation refuses a container ${what}`, () =>
      assert.throws(() => startAllocation(input(changes)), { message }));

  test("startAllocation leaves a container what it holds", () =>
    assert.equal(startAllocation(input({ held: ids("2 3"), inUse: ids("1 2 3") })), undefined));
  test("startAllocation takes what init containers had first", () =>
    assert.deepEqual(startAllocation(input({ inUse: ids("3"), reusable: ids("3") })), {
      taken: ["3"],
      available: ["1", "2"],
    }));
  test("startAllocation asks for nothing more when init containers had enough", () =>
    assert.deepEqual(startAllocation(input({ inUse: ids("1 2 3"), reusable: ids("2 3") })), {
      taken: ["2", "3"],
      available: [],
    }));
});

suite("finishAllocation", () => {
  const cases: readonly [what: string, taken: string, preferred: string, expected: string][] = [
    ["takes any without a preference", "", "", "1 2"],
    ["takes what the plugin prefers", "", "3 2", "2 3"],
    ["fills up a preference that is too short", "", "3", "3 1"],
    ["ignores a preference for what is not available", "", "9", "1 2"],
    ["keeps what is taken already", "8", "3", "8 3"],
  ];
  for (const [what, taken, preferred, expected] of cases)
    test(`finishAllocation ${what}`, () => {
      const start = { taken: [...ids(taken)], available: ["1", "2", "3"] };
      assert.deepEqual(finishAllocation(start, [...ids(preferred)], 2), expected.split(" "));
    });
});
