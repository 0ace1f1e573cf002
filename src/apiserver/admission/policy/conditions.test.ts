import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubeObject } from "#apimachinery";
import type { Authorizer } from "../../user-info.ts";
import type { Attributes } from "../plugin.ts";
import { webhookConditions } from "../webhook/match-conditions.ts";
import { askAuthorizer, settled } from "./authorizer.ts";
import type { MatchResult } from "./conditions.ts";
import type { EvaluationInput } from "./evaluation.ts";

const user = { name: "ann", groups: [] };
let asked = 0;
const authorizer: Authorizer = {
  authorize: ({ verb }) => {
    asked++;
    return verb === "slow" ? Promise.resolve({ allowed: true }) : { allowed: verb === "get" };
  },
};
const object = { metadata: { name: "a" }, spec: { replicas: 3 } } as unknown as KubeObject;

function match(expressions: readonly string[], failurePolicy?: string): Promise<MatchResult> {
  const conditions = expressions.map((expression, i) => ({ name: `c${i}`, expression }));
  const input: EvaluationInput = {
    object,
    oldObject: undefined,
    request: () => ({ operation: "CREATE" }),
    params: undefined,
    namespace: undefined,
    ask: askAuthorizer(authorizer, user),
    attributes: {} as Attributes,
  };
  const compiled = webhookConditions(conditions, failurePolicy);
  return settled(() => compiled.match(input));
}

const path = (verb: string): string => `authorizer.path('/x').check('${verb}').allowed()`;

test("match() wants all conditions to hold", async () => {
  assert.equal(await match([]), true);
  assert.equal(
    await match(["object.spec.replicas == 3", "request.operation == 'CREATE'", "oldObject == null"]),
    true,
  );
  assert.equal(await match(["true", "object.spec.replicas > 3"]), false);
});

test("match() lets a no outweigh an error, and the failure policy decide on one", async () => {
  const failing = "object.missing == 1";
  const error = `expression '${failing}' resulted in error: no such key: missing`;
  assert.equal(await match([failing, "false"]), false);
  assert.deepEqual(await match([failing, "true"]), { error });
  assert.equal(await match([failing, "true"], "Ignore"), false);
});

test("match() asks the authorizer once, also one that has to be waited for", async () => {
  assert.equal(await match([path("get")]), true);
  assert.equal(await match([path("put")]), false);
  asked = 0;
  assert.equal(await match([path("slow"), path("slow")]), true);
  assert.equal(asked, 1);
});
