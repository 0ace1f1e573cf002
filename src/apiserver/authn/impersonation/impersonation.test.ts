import assert from "node:assert/strict";
import { test } from "node:test";
import type { AuthorizationAttributes, Credentials, UserInfo } from "../../user-info.ts";
import { impersonate } from "./impersonation.ts";

const jane: UserInfo = { name: "jane", groups: ["system:authenticated"] };
const request = (user: UserInfo): AuthorizationAttributes => ({
  user,
  verb: "list",
  isResourceRequest: true,
  path: "/api/v1/pods",
  group: "",
  version: "v1",
  resource: "pods",
  subresource: "",
  namespace: "default",
  name: "",
});
const asked: string[] = [];
const allow = (what: RegExp) => ({
  authorize({ verb, group, resource, subresource, namespace, name }: AuthorizationAttributes) {
    const text = `${verb} ${group}/${resource}/${subresource} ${namespace}/${name}`;
    asked.push(text);
    return { allowed: what.test(text) };
  },
});
const headers = (...lines: readonly (readonly [string, string])[]): Credentials => ({
  headers: Object.fromEntries(lines.map(([name, value]) => [name.toLowerCase(), value])),
  rawHeaders: lines.flat(),
});
const LEGACY = /^impersonate /;

test("impersonate() leaves requests without its headers alone", async () => {
  assert.equal(await impersonate({ headers: {} }, request(jane), allow(/^$/)), jane);
});

test("impersonate() asks for every part in upstream's order, and every line of a header counts", async () => {
  asked.length = 0;
  const credentials = headers(
    ["Impersonate-User", "joe"],
    ["Impersonate-Group", "dev"],
    ["Impersonate-Group", "ops"],
    ["Impersonate-Uid", "u1"],
    ["Impersonate-Extra-example.com%2fscopes", "view"],
  );
  assert.deepEqual(await impersonate(credentials, request(jane), allow(LEGACY)), {
    name: "joe",
    uid: "u1",
    groups: ["dev", "ops", "system:authenticated"],
    extra: { "example.com/scopes": ["view"] },
  });
  assert.deepEqual(asked, [
    "impersonate-on:user-info:list /pods/ default/",
    "impersonate /users/ /joe",
    "impersonate authentication.k8s.io/uids/ /u1",
    "impersonate /groups/ /dev",
    "impersonate /groups/ /ops",
    "impersonate authentication.k8s.io/userextras/example.com/scopes /view",
  ]);
});

const groupCases: readonly [string, readonly string[], readonly string[]][] = [
  [
    "system:serviceaccount:default:web",
    [],
    ["system:serviceaccounts", "system:serviceaccounts:default", "system:authenticated"],
  ],
  ["system:serviceaccount:default:web", ["dev"], ["dev", "system:authenticated"]],
  ["system:anonymous", [], ["system:unauthenticated"]],
  ["joe", ["system:unauthenticated"], ["system:unauthenticated"]],
];
for (const [name, groups, expected] of groupCases)
  test(`impersonate() gives ${name} with [${groups.join(" ")}] the groups that follow`, async () => {
    const lines = groups.map((group) => ["Impersonate-Group", group] as const);
    const user = await impersonate(
      headers(["Impersonate-User", name], ...lines),
      request(jane),
      allow(LEGACY),
    );
    assert.deepEqual(user.groups, expected);
  });

test("impersonate() is allowed for some requests alone by the constrained modes", async () => {
  const node = headers(["Impersonate-User", "system:node:n1"]);
  const user = await impersonate(node, request(jane), allow(/arbitrary-node/));
  assert.deepEqual(user.groups, ["system:nodes", "system:authenticated"]);
  const agent: UserInfo = {
    name: "system:serviceaccount:kube-system:agent",
    groups: [],
    extra: { "authentication.kubernetes.io/node-name": ["n1"] },
  };
  assert.equal((await impersonate(node, request(agent), allow(/associated-node/))).name, "system:node:n1");
  const other = headers(["Impersonate-User", "system:node:n2"]);
  await assert.rejects(impersonate(other, request(agent), allow(/associated-node/)), { code: 403 });
  const masters = headers(["Impersonate-User", "joe"], ["Impersonate-Group", "system:masters"]);
  await assert.rejects(impersonate(masters, request(jane), allow(/user-info/)), {
    message:
      /groups\.authentication\.k8s\.io "system:masters" is forbidden.*system:masters group is not allowed/,
  });
});

test("impersonate() refuses what is not allowed with the first mode's refusal", async () => {
  await assert.rejects(impersonate(headers(["Impersonate-User", "joe"]), request(jane), allow(/^$/)), {
    message:
      'pods is forbidden: User "jane" cannot impersonate-on:user-info:list resource "pods" in API group "" in the namespace "default"',
  });
  for (const line of [
    ["Impersonate-Group", "ops"],
    ["Impersonate-Uid", "1"],
    ["Impersonate-Extra-a", "b"],
  ] as const)
    await assert.rejects(impersonate(headers(line), request(jane), allow(/./)), {
      reason: "BadRequest",
      message: /without impersonating a user name/,
    });
});
