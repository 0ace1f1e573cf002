import assert from "node:assert/strict";
import { it } from "node:test";
import { tolerates } from "./tolerations.ts";
import type { Toleration } from "./types.gen.ts";

const taint = { key: "gpu", value: "a", effect: "NoSchedule" };

it("tolerates compares key, effect and value; an empty key or effect stands for all", () => {
  const cases: readonly [Toleration, boolean][] = [
    [{ key: "gpu", value: "a" }, true],
    [{ key: "gpu", operator: "Equal", value: "a", effect: "NoSchedule" }, true],
    [{ key: "gpu", value: "b" }, false],
    [{ key: "gpu", value: "a", effect: "NoExecute" }, false],
    [{ key: "disk", operator: "Exists" }, false],
    [{ key: "gpu", operator: "Exists" }, true],
    [{ operator: "Exists" }, true],
    [{ value: "a" }, false],
    [{ key: "gpu", operator: "Near", value: "a" }, false],
  ];
  for (const [toleration, expected] of cases)
    assert.equal(tolerates(toleration, taint), expected, JSON.stringify(toleration));
});
