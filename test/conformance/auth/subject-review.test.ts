/** Reviews: who may do what, asked for others and for oneself, and who one is. */
import assert from "node:assert/strict";
import { SubjectAccessReviews } from "#api/authorization/v1/subjectaccessreview";
import { LocalSubjectAccessReviews } from "#api/authorization/v1/localsubjectaccessreview";
import type { ResourceAttributes, SubjectAccessReviewSpec } from "#api/authorization/v1/types.gen";
import { ServiceAccounts } from "#api/core/v1/serviceaccount";
import { RoleBindings } from "#api/rbac/v1/rolebinding";
import { Roles } from "#api/rbac/v1/role";
import { conformance, type ConformanceContext } from "../harness/index.ts";
import { newCaller, requestToken } from "./as-token.ts";

const GROUP = "authorization.k8s.io";
const JSON_TYPE = { "content-type": "application/json" };

async function review(t: ConformanceContext, spec: SubjectAccessReviewSpec): Promise<boolean> {
  const asked = {
    apiVersion: `${GROUP}/v1`,
    kind: "SubjectAccessReview",
    metadata: { name: "" },
    spec,
  } as const;
  const { status, spec: answered } = await t.client.create(SubjectAccessReviews, asked, t.signal);
  assert.deepEqual(answered, spec);
  return status?.allowed ?? false;
}

/** In the test's namespace. */
async function localReview(t: ConformanceContext, spec: SubjectAccessReviewSpec): Promise<boolean> {
  const metadata = { name: "", namespace: t.namespace };
  const asked = { apiVersion: `${GROUP}/v1`, kind: "LocalSubjectAccessReview", metadata, spec } as const;
  const { status } = await t.client.create(LocalSubjectAccessReviews, asked, t.signal);
  return status?.allowed ?? false;
}

async function allowConfigMaps(
  { client, signal, namespace }: ConformanceContext,
  account: string,
): Promise<void> {
  const apiGroup = "rbac.authorization.k8s.io";
  const common = { apiVersion: `${apiGroup}/v1`, metadata: { name: "reader", namespace } } as const;
  const rules = [{ apiGroups: [""], resources: ["configmaps"], verbs: ["get", "list"] }];
  await client.create(Roles, { ...common, kind: "Role", rules }, signal);
  const subjects = [{ kind: "ServiceAccount", name: account, namespace }];
  const roleRef = { apiGroup, kind: "Role", name: "reader" };
  await client.create(RoleBindings, { ...common, kind: "RoleBinding", subjects, roleRef }, signal);
}

conformance("[sig-auth] SubjectReview should support SubjectReview API operations", async (t) => {
  const { client, signal, namespace } = t;
  const metadata = { name: "robot", namespace };
  await client.create(ServiceAccounts, { apiVersion: "v1", kind: "ServiceAccount", metadata }, signal);
  const user = `system:serviceaccount:${namespace}:robot`;
  const attributes = (rest: Partial<ResourceAttributes> = {}): SubjectAccessReviewSpec => {
    return { user, resourceAttributes: { namespace, verb: "list", resource: "configmaps", ...rest } };
  };
  assert.equal(await review(t, attributes()), false);
  assert.equal(await localReview(t, attributes()), false);
  await allowConfigMaps(t, "robot");
  assert.equal(await review(t, attributes()), true);
  assert.equal(await localReview(t, attributes()), true);
  for (const rest of [
    { verb: "delete" },
    { resource: "secrets" },
    { namespace: "default" },
    { group: "apps" },
  ])
    assert.equal(await review(t, attributes(rest)), false, JSON.stringify(rest));
  await assert.rejects(localReview(t, attributes({ namespace: "default" })), { code: 422 });
  const path = "/healthz";
  assert.equal(await review(t, { user, nonResourceAttributes: { path, verb: "get" } }), false);
  const groups = ["system:authenticated"];
  assert.equal(await review(t, { user, groups, nonResourceAttributes: { path, verb: "get" } }), true);
  assert.equal(
    await review(t, { groups: ["system:masters"], resourceAttributes: { verb: "*", resource: "*" } }),
    true,
  );

  // What is said of it, it can do, and finds out by itself; in another's name too.
  const { token } = await requestToken(t, "robot");
  const caller = await newCaller(t);
  const listing = { path: `/api/v1/namespaces/${namespace}/configmaps` };
  assert.equal((await caller.send(listing, token)).status, 200);
  const impersonated = { ...listing, headers: { "impersonate-user": user } };
  assert.equal((await t.http(impersonated)).status, 200);
  assert.equal(
    (await t.http({ ...impersonated, path: listing.path.replace("configmaps", "secrets") })).status,
    403,
  );
  const ask = async (
    kind: string,
    group: string,
    spec?: object,
  ): Promise<Readonly<Record<string, unknown>>> => {
    const body = JSON.stringify({ apiVersion: `${group}/v1`, kind, ...(spec !== undefined && { spec }) });
    const url = `/apis/${group}/v1/${kind.toLowerCase()}s`;
    const answer = await caller.send({ method: "POST", path: url, headers: JSON_TYPE, body }, token);
    assert.equal(answer.status, 201, answer.text);
    return (answer.json() as { readonly status: Readonly<Record<string, unknown>> }).status;
  };
  const own = attributes().resourceAttributes;
  assert.equal((await ask("SelfSubjectAccessReview", GROUP, { resourceAttributes: own }))["allowed"], true);
  const deleting = { resourceAttributes: { ...own, verb: "delete" } };
  assert.equal((await ask("SelfSubjectAccessReview", GROUP, deleting))["allowed"], false);
  const rules = await ask("SelfSubjectRulesReview", GROUP, { namespace });
  const expected = { verbs: ["get", "list"], apiGroups: [""], resources: ["configmaps"] };
  assert.ok(
    (rules["resourceRules"] as readonly object[]).some(
      (rule) => JSON.stringify(rule) === JSON.stringify(expected),
    ),
  );
  const self = await ask("SelfSubjectReview", "authentication.k8s.io");
  const { username, groups: its } = self["userInfo"] as {
    readonly username: string;
    readonly groups: readonly string[];
  };
  assert.equal(username, user);
  assert.ok(its.includes(`system:serviceaccounts:${namespace}`));
  // Nobody asks for others who was not told that he may.
  const body = JSON.stringify({ apiVersion: `${GROUP}/v1`, kind: "SubjectAccessReview", spec: attributes() });
  const url = `/apis/${GROUP}/v1/subjectaccessreviews`;
  assert.equal(
    (await caller.send({ method: "POST", path: url, headers: JSON_TYPE, body }, token)).status,
    403,
  );
});
