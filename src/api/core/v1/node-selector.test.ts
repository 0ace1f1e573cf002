import assert from "node:assert/strict";
import { it } from "node:test";
import { matchesNodeSelector } from "./node-selector.ts";
import type { NodeSelectorRequirement } from "./types.gen.ts";

const node = { name: "n1", labels: { zone: "a", cores: "8" } };

it("matchesNodeSelector applies every operator, and an absent label as upstream does", () => {
  const cases: readonly [NodeSelectorRequirement, boolean][] = [
    [{ key: "zone", operator: "In", values: ["a", "b"] }, true],
    [{ key: "rack", operator: "In", values: ["a"] }, false],
    [{ key: "zone", operator: "NotIn", values: ["a"] }, false],
    [{ key: "rack", operator: "NotIn", values: ["a"] }, true],
    [{ key: "zone", operator: "Exists" }, true],
    [{ key: "rack", operator: "DoesNotExist" }, true],
    [{ key: "cores", operator: "Gt", values: ["4"] }, true],
    [{ key: "cores", operator: "Lt", values: ["+8"] }, false],
    [{ key: "zone", operator: "Gt", values: ["4"] }, false],
    [{ key: "zone", operator: "Near", values: ["a"] }, false],
  ];
  for (const [requirement, expected] of cases)
    assert.equal(
      matchesNodeSelector([{ matchExpressions: [requirement] }], node),
      expected,
      JSON.stringify(requirement),
    );
});

it("matchesNodeSelector takes any term that fits wholly; an empty one never does", () => {
  const named = { matchFields: [{ key: "metadata.name", operator: "In", values: ["n1"] }] };
  const elsewhere = { matchExpressions: [{ key: "zone", operator: "In", values: ["b"] }] };
  assert.equal(matchesNodeSelector([elsewhere, named], node), true);
  assert.equal(matchesNodeSelector([{ ...elsewhere, ...named }], node), false);
  assert.equal(matchesNodeSelector([{}], node), false);
});
