import assert from "node:assert/strict";
import test from "node:test";
import type { NodeCondition } from "#api/core/v1/types.gen";
import { planConditionEvents } from "./condition-events.ts";

const conditions = (statuses: Readonly<Record<string, string>>): readonly NodeCondition[] =>
  Object.entries(statuses).map(([type, status]) => ({ type, status }));
const CALM = { MemoryPressure: "False", DiskPressure: "False", PIDPressure: "False" };

const CASES: readonly [
  what: string,
  before: Readonly<Record<string, string>>,
  after: Readonly<Record<string, string>>,
  reasons: readonly string[],
][] = [
  [
    "a new node that is Ready",
    {},
    { ...CALM, Ready: "True" },
    ["NodeHasSufficientMemory", "NodeHasNoDiskPressure", "NodeHasSufficientPID", "NodeReady"],
  ],
  [
    "a new node that is not Ready yet",
    {},
    { ...CALM, Ready: "False" },
    ["NodeHasSufficientMemory", "NodeHasNoDiskPressure", "NodeHasSufficientPID"],
  ],
  ["nothing new", { ...CALM, Ready: "True" }, { ...CALM, Ready: "True" }, []],
  ["becoming Ready", { ...CALM, Ready: "False" }, { ...CALM, Ready: "True" }, ["NodeReady"]],
  ["after the controller lost sight of it", { Ready: "Unknown" }, { Ready: "True" }, ["NodeReady"]],
  ["losing its runtime", { Ready: "True" }, { Ready: "False" }, ["NodeNotReady"]],
  ["a full disk", CALM, { ...CALM, DiskPressure: "True" }, ["NodeHasDiskPressure"]],
  ["little memory", CALM, { ...CALM, MemoryPressure: "True" }, ["NodeHasInsufficientMemory"]],
];
for (const [what, before, after, reasons] of CASES) {
  test(`planConditionEvents tells of ${what}`, () => {
    assert.deepEqual(planConditionEvents(conditions(before), conditions(after)), reasons);
  });
}
