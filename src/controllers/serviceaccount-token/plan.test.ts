import assert from "node:assert/strict";
import { test } from "node:test";
import type { Secret, ServiceAccount } from "#api/core/v1/types.gen";
import { ACCOUNT_NAME, ACCOUNT_UID, plan, withoutReference } from "./plan.ts";

const account: ServiceAccount = {
  apiVersion: "v1",
  kind: "ServiceAccount",
  metadata: { name: "web", namespace: "default", uid: "u1" },
};
const secret = (more: object = {}, data: Readonly<Record<string, string>> = {}): Secret => ({
  apiVersion: "v1",
  kind: "Secret",
  metadata: { name: "t", namespace: "default", annotations: { [ACCOUNT_NAME]: "web", ...more } },
  type: "kubernetes.io/service-account-token",
  data,
});

test("plan() fills a new Secret, leaves a whole one, and renews the authority", () => {
  const made = plan(secret(), account, "CA");
  assert.ok(made.type === "fill" && made.needsToken);
  assert.equal(made.secret.metadata.annotations?.[ACCOUNT_UID], "u1");
  const whole = { ...made.secret.data, token: "dA==" };
  assert.deepEqual(plan(secret({ [ACCOUNT_UID]: "u1" }, whole), account, "CA"), { type: "none" });
  const renewed = plan(secret({ [ACCOUNT_UID]: "u1" }, whole), account, "NEW");
  assert.ok(renewed.type === "fill" && !renewed.needsToken);
});

test("plan() removes the Secret of an account that is gone or is another one", () => {
  assert.deepEqual(plan(secret(), undefined, "CA"), { type: "delete" });
  assert.deepEqual(plan(secret({ [ACCOUNT_UID]: "other" }), account, "CA"), { type: "delete" });
});

test("withoutReference() takes out one Secret, if it is there", () => {
  const named = { ...account, secrets: [{ name: "t" }, { name: "u" }] };
  assert.deepEqual(withoutReference(named, "t")?.secrets, [{ name: "u" }]);
  assert.equal(withoutReference(account, "t"), undefined);
});
