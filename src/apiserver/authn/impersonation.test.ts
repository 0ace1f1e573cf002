import assert from "node:assert/strict";
import { test } from "node:test";
import type { AuthorizationAttributes } from "../user-info.ts";
import { impersonate } from "./impersonation.ts";

const admin = { name: "admin", groups: ["system:masters"] };
const asked: string[] = [];
const allow = (what: RegExp) => ({
  authorize({ verb, group, resource, subresource, namespace, name }: AuthorizationAttributes) {
    const text = `${verb} ${group}/${resource}/${subresource} ${namespace}/${name}`;
    asked.push(text);
    return { allowed: what.test(text) };
  },
});

test("impersonate() leaves requests without its headers alone", async () => {
  assert.equal(await impersonate(admin, { headers: {} }, allow(/^$/)), admin);
});

test("impersonate() asks for every part and becomes the user", async () => {
  const headers = {
    "impersonate-user": "jane",
    "impersonate-group": ["dev", "ops"],
    "impersonate-extra-scopes": "view",
  };
  asked.length = 0;
  assert.deepEqual(await impersonate(admin, { headers }, allow(/./)), {
    name: "jane",
    groups: ["dev", "ops", "system:authenticated"],
    extra: { scopes: ["view"] },
  });
  assert.deepEqual(asked, [
    "impersonate /users/ /jane",
    "impersonate /groups/ /dev",
    "impersonate /groups/ /ops",
    "impersonate authentication.k8s.io/userextras/scopes /view",
  ]);
});

test("impersonate() gives a service account its groups", async () => {
  const headers = { "impersonate-user": "system:serviceaccount:default:web" };
  const user = await impersonate(admin, { headers }, allow(/serviceaccounts\/ default\/web$/));
  assert.deepEqual(user.groups, [
    "system:serviceaccounts",
    "system:serviceaccounts:default",
    "system:authenticated",
  ]);
});

test("impersonate() refuses what is not allowed, in upstream's words", async () => {
  const headers = { "impersonate-user": "jane", "impersonate-group": "ops" };
  await assert.rejects(impersonate(admin, { headers }, allow(/users/)), {
    message:
      'groups "ops" is forbidden: User "admin" cannot impersonate resource "groups" in API group "" at the cluster scope',
  });
  await assert.rejects(impersonate(admin, { headers: { "impersonate-group": "ops" } }, allow(/./)), {
    reason: "BadRequest",
  });
});
