import assert from "node:assert/strict";
import { test } from "node:test";
import { conflict, FakeClock, type Kind, type KubeObject } from "#apimachinery";
import type { Client } from "./client.ts";
import { dynamicKind } from "./dynamic.ts";
import { listAll } from "./list-all.ts";
import { metadataKind, newMetadataClient } from "./metadata.ts";
import { newClient } from "./rest-client.ts";
import { retryOnConflict } from "./retry.ts";
import { ScriptedTransport, testList, testPod } from "./scripted-transport.ts";

const signal = new AbortController().signal;
const Pods = dynamicKind({
  group: "",
  version: "v1",
  kind: "Pod",
  plural: "pods",
  namespaced: true,
}) as unknown as Kind;
const Roles = dynamicKind({
  group: "rbac.authorization.k8s.io",
  version: "v1",
  kind: "ClusterRole",
  plural: "clusterroles",
  namespaced: false,
}) as unknown as Kind;
const pod = testPod("web", "1");
const role: KubeObject = {
  apiVersion: "rbac.authorization.k8s.io/v1",
  kind: "ClusterRole",
  metadata: { name: "system:node" },
};
const FM = "fieldManager=test";

const cases: readonly [string, (client: Client) => Promise<unknown>, string, unknown?][] = [
  [
    "get() of a namespaced object",
    (c) => c.get(Pods, pod.metadata, signal),
    "GET /api/v1/namespaces/default/pods/web",
  ],
  [
    "get() of a cluster-scoped object, whose name is escaped",
    (c) => c.get(Roles, role.metadata, signal),
    "GET /apis/rbac.authorization.k8s.io/v1/clusterroles/system%3Anode",
  ],
  [
    "list() with selectors",
    (c) =>
      c.list(
        Pods,
        { namespace: "a", labelSelector: "x=y", fieldSelector: "spec.nodeName=n", limit: 2 },
        signal,
      ),
    "GET /api/v1/namespaces/a/pods?labelSelector=x=y&fieldSelector=spec.nodeName=n&limit=2",
  ],
  ["create()", (c) => c.create(Pods, pod, signal), `POST /api/v1/namespaces/default/pods?${FM}`, pod],
  [
    "create() as a dry run",
    (c) => c.create(Roles, role, signal, { dryRun: "All", fieldManager: "me", fieldValidation: "Strict" }),
    "POST /apis/rbac.authorization.k8s.io/v1/clusterroles?fieldManager=me&fieldValidation=Strict&dryRun=All",
    role,
  ],
  ["update()", (c) => c.update(Pods, pod, signal), `PUT /api/v1/namespaces/default/pods/web?${FM}`, pod],
  [
    "updateStatus()",
    (c) => c.updateStatus(Pods, pod, signal),
    `PUT /api/v1/namespaces/default/pods/web/status?${FM}`,
    pod,
  ],
  [
    "patch() as server-side apply",
    (c) => c.patch(Pods, pod.metadata, { type: "apply", body: { a: 1 }, force: true }, signal),
    `PATCH /api/v1/namespaces/default/pods/web?${FM}&force=true`,
    { a: 1 },
  ],
  [
    "patch() of a subresource",
    (c) => c.patch(Pods, pod.metadata, { type: "json", body: [] }, signal, { subresource: "status" }),
    `PATCH /api/v1/namespaces/default/pods/web/status?${FM}`,
    [],
  ],
  [
    "delete()",
    (c) =>
      c.delete(Pods, pod.metadata, signal, {
        gracePeriodSeconds: 0,
        preconditions: { uid: "u" },
        dryRun: "All",
      }),
    "DELETE /api/v1/namespaces/default/pods/web",
    {
      apiVersion: "v1",
      kind: "DeleteOptions",
      gracePeriodSeconds: 0,
      preconditions: { uid: "u" },
      dryRun: ["All"],
    },
  ],
  [
    "deleteCollection()",
    (c) =>
      c.deleteCollection(Pods, { namespace: "a", labelSelector: "x" }, signal, {
        propagationPolicy: "Orphan",
      }),
    "DELETE /api/v1/namespaces/a/pods?labelSelector=x",
    { apiVersion: "v1", kind: "DeleteOptions", propagationPolicy: "Orphan" },
  ],
  [
    "createSubresource()",
    (c) => c.createSubresource(Pods, pod.metadata, "binding", { b: 1 }, signal),
    `POST /api/v1/namespaces/default/pods/web/binding?${FM}`,
    { b: 1 },
  ],
  [
    "updateSubresource()",
    (c) => c.updateSubresource(Roles, role.metadata, "finalize", {}, signal),
    `PUT /apis/rbac.authorization.k8s.io/v1/clusterroles/system%3Anode/finalize?${FM}`,
    {},
  ],
];

for (const [name, call, line, body] of cases) {
  test(`${name} makes the request of the API`, async () => {
    const transport = new ScriptedTransport([{ body: { items: [] } }]);
    await call(newClient(transport, { userAgent: "test/1" }));
    assert.deepEqual(transport.requests, [line]);
    assert.deepEqual(transport.sent[0]!.body, body);
    assert.equal(transport.sent[0]!.headers?.["user-agent"], "test/1");
  });
}

test("patch() names the media type of its patch", async () => {
  const types = ["json", "merge", "strategic", "apply"] as const;
  const transport = new ScriptedTransport(types.map(() => ({ body: {} })));
  const client = newClient(transport);
  for (const type of types) await client.patch(Pods, pod.metadata, { type, body: {} } as never, signal);
  assert.deepEqual(
    transport.sent.map(({ headers }) => headers?.["content-type"]),
    [
      "application/json-patch+json",
      "application/merge-patch+json",
      "application/strategic-merge-patch+json",
      "application/apply-patch+yaml",
    ],
  );
});

test("get() without a name or a namespace is refused before it names another resource", async () => {
  const client = newClient(new ScriptedTransport([]));
  await assert.rejects(client.get(Pods, { name: "", namespace: "a" }, signal), RangeError);
  await assert.rejects(client.get(Pods, { name: "a" }, signal), RangeError);
});

test("list() fills in what servers leave out of items", async () => {
  const items = [{ metadata: { name: "a" } }];
  const transport = new ScriptedTransport([
    { body: { metadata: {}, items } },
    { body: { metadata: {}, items: null } },
  ]);
  const client = newClient(transport);
  assert.deepEqual((await client.list(Pods, {}, signal)).items, [
    { ...items[0], apiVersion: "v1", kind: "Pod" },
  ]);
  assert.deepEqual((await client.list(Pods, {}, signal)).items, []);
});

test("newMetadataClient() asks for metadata only", async () => {
  const transport = new ScriptedTransport([{ body: pod }]);
  await newMetadataClient(transport).get(metadataKind(Pods), pod.metadata, signal);
  assert.match(
    transport.sent[0]!.headers!["accept"]!,
    /^application\/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,/,
  );
});

test("listAll() gives every object of every page", async () => {
  const transport = new ScriptedTransport([
    { expect: "GET /api/v1/pods?limit=2", body: testList("5", "a@1 b@2", "t") },
    { expect: "GET /api/v1/pods?limit=2&continue=t", body: testList("5", "c@3") },
  ]);
  const names = await Array.fromAsync(
    listAll(newClient(transport), Pods, { limit: 2 }, signal),
    (p) => p.metadata.name,
  );
  assert.deepEqual(names, ["a", "b", "c"]);
  assert.deepEqual(transport.mismatches, []);
});

test("retryOnConflict() tries five times, and only on conflicts", async () => {
  const clock = new FakeClock();
  let tries = 0;
  const lost = retryOnConflict(
    async () => {
      tries++;
      throw conflict({ group: "", resource: "pods" }, "a", "stale");
    },
    signal,
    { clock, random: () => 0 },
  );
  const rejected = assert.rejects(lost, { reason: "Conflict" });
  await clock.advanceAsync(1_000);
  await rejected;
  assert.equal(tries, 5);
  await assert.rejects(
    retryOnConflict(async () => {
      throw new Error("other");
    }, signal),
    /other/,
  );
});
