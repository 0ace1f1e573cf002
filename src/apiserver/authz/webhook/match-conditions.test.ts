import assert from "node:assert/strict";
import { test } from "node:test";
import { matchConditions } from "./match-conditions.ts";

const requirements = [{ key: "a", operator: "In", values: ["b"] }];
const spec = {
  user: "jane",
  groups: ["dev"],
  resourceAttributes: { resource: "pods", verb: "list", labelSelector: { requirements } },
};

for (const [source, expected] of [
  ["has(request.resourceAttributes)", true],
  ["has(request.nonResourceAttributes)", false],
  ["request.resourceAttributes.resource == 'pods' && request.resourceAttributes.name == ''", true],
  ["has(request.resourceAttributes.fieldSelector)", false],
  ["request.resourceAttributes.labelSelector.requirements[0].key == 'a'", true],
  ["'dev' in request.groups && request.user.startsWith('j')", true],
  ["request.uid != ''", false],
] as const)
  test(`matchConditions() finds ${source} ${expected}`, () =>
    assert.equal(matchConditions([source]).hold(spec), expected));

test("matchConditions() says no before it says that another could not be evaluated", () => {
  const failing = "request.nonResourceAttributes.path == '/x'";
  assert.throws(() => matchConditions([failing]).hold(spec), /cel evaluation error: expression/);
  assert.equal(matchConditions([failing, "request.user == 'joe'"]).hold(spec), false);
});

test("matchConditions() refuses fields that a review does not have", () => {
  assert.throws(() => matchConditions(["request.nope == ''"]), /compilation failed/);
  assert.throws(() => matchConditions(["request.user"]), /must evaluate to/);
});
