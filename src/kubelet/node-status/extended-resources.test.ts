import assert from "node:assert/strict";
import { test } from "node:test";
import { withExtendedResources } from "./extended-resources.ts";

const own = { capacity: { cpu: "4" }, allocatable: { cpu: "3" } };
const before = { capacity: { cpu: "8", "example.com/kept": "5", "example.com/dice": "9" } };
const none = { capacity: new Map<string, number>(), allocatable: new Map<string, number>() };

test("withExtendedResources() keeps what others have written, and adds the devices of plugins", () => {
  const devices = {
    capacity: new Map([["example.com/dice", 3]]),
    allocatable: new Map([["example.com/dice", 2]]),
    removed: new Set<string>(),
  };
  assert.deepEqual(withExtendedResources(own, before, devices, false), {
    capacity: { cpu: "4", "example.com/kept": "5", "example.com/dice": "3" },
    allocatable: { cpu: "3", "example.com/kept": "5", "example.com/dice": "2" },
  });
});

test("withExtendedResources() sets what is gone to 0", () => {
  const devices = { ...none, removed: new Set(["example.com/dice"]) };
  const { capacity, allocatable } = withExtendedResources(own, before, devices, false);
  assert.deepEqual([capacity["example.com/dice"], allocatable["example.com/dice"]], ["0", "0"]);
});

test("withExtendedResources() does not believe what was written of another node", () => {
  const { capacity } = withExtendedResources(own, before, { ...none, removed: new Set() }, true);
  assert.deepEqual(capacity, { cpu: "4", "example.com/kept": "0", "example.com/dice": "0" });
});
