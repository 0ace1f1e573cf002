import assert from "node:assert/strict";
import { test } from "node:test";
import type { AuthorizationAttributes, Decision } from "../user-info.ts";
import { alwaysAllowPaths, authorizerChain, forbiddenError, privilegedGroups } from "./index.ts";

const attributes: AuthorizationAttributes = {
  user: { name: "jane", groups: ["dev"] },
  verb: "list",
  isResourceRequest: true,
  path: "/api/v1/namespaces/default/pods",
  group: "",
  version: "v1",
  resource: "pods",
  subresource: "",
  namespace: "default",
  name: "",
};

const messages: readonly [Partial<AuthorizationAttributes>, string, string][] = [
  [
    {},
    "",
    'pods is forbidden: User "jane" cannot list resource "pods" in API group "" in the namespace "default"',
  ],
  [
    { verb: "get", name: "web", subresource: "log" },
    "",
    'pods "web" is forbidden: User "jane" cannot get resource "pods/log" in API group "" in the namespace "default"',
  ],
  [
    { group: "apps", resource: "deployments", namespace: "" },
    "because",
    'deployments.apps is forbidden: User "jane" cannot list resource "deployments" in API group "apps" at the cluster scope: because',
  ],
  [
    { isResourceRequest: false, verb: "get", path: "/metrics" },
    "",
    'forbidden: User "jane" cannot get path "/metrics"',
  ],
];
for (const [change, reason, message] of messages)
  test(`forbiddenError() says: ${message}`, () => {
    const error = forbiddenError({ ...attributes, ...change }, { allowed: false, reason });
    assert.deepEqual([error.message, error.code, error.reason], [message, 403, "Forbidden"]);
  });

const says = (decision: Decision) => ({ authorize: () => decision });
const askAll = (...chain: { authorize: () => Decision | Promise<Decision> }[]) =>
  authorizerChain(chain).authorize(attributes);

test("authorizerChain() lets the first opinion decide, and collects the reasons of those without", async () => {
  const allow = says({ allowed: true, reason: "yes" });
  const none = (reason: string) => says({ allowed: false, reason });
  const deny = says({ allowed: false, denied: true, reason: "no" });
  assert.deepEqual(askAll(none("a"), allow), { allowed: true, reason: "yes" });
  assert.deepEqual(askAll(deny, allow), { allowed: false, denied: true, reason: "no" });
  assert.deepEqual(askAll(none("a"), none("b")), { allowed: false, reason: "a\nb" });
  const later = { authorize: () => Promise.resolve({ allowed: false, reason: "later" }) };
  assert.deepEqual(await askAll(none("a"), later, none("b")), { allowed: false, reason: "a\nlater\nb" });
  assert.deepEqual(await askAll(later, allow), { allowed: true, reason: "yes" });
});

test("privilegedGroups() allows system:masters everything", () => {
  const root = { ...attributes, user: { name: "root", groups: ["system:masters"] } };
  assert.deepEqual(privilegedGroups().authorize(root), { allowed: true });
  assert.deepEqual(privilegedGroups().authorize(attributes), { allowed: false });
});

test("alwaysAllowPaths() allows its paths and nothing that is a resource", () => {
  const paths = alwaysAllowPaths(["/healthz", "/livez/*"]);
  const ask = (path: string, isResourceRequest = false) =>
    (paths.authorize({ ...attributes, isResourceRequest, path }) as Decision).allowed;
  assert.deepEqual(
    [ask("/healthz"), ask("/healthz/etcd"), ask("/livez/ping"), ask("/healthz", true)],
    [true, false, true, false],
  );
});
