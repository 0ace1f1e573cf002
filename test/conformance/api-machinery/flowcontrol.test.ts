/** FlowSchemas and PriorityLevelConfigurations as objects of the API: discovery, and every operation on them and their status. */
import assert from "node:assert/strict";
import { FlowSchemas } from "#api/flowcontrol/v1/flowschema";
import { PriorityLevelConfigurations } from "#api/flowcontrol/v1/prioritylevelconfiguration";
import type { FlowSchema, PriorityLevelConfiguration } from "#api/flowcontrol/v1/types.gen";
import { isNotFound, type Kind, type KubeObject } from "#apimachinery";
import { conformance, type ConformanceContext } from "../harness/index.ts";

const GROUP = "flowcontrol.apiserver.k8s.io";
const API_VERSION = `${GROUP}/v1`;

interface Operations<T extends KubeObject> {
  readonly kind: Kind<T>;
  /** A new object that does nothing, with this name. */
  readonly newObject: (name: string) => T;
  /** What a merge patch of the spec sets, and how to read it back. */
  readonly specPatch: object;
  readonly readSpec: (object: T) => unknown;
  readonly specValue: unknown;
}

/** Condition types of clients: the server's own are left alone. */
interface WithConditions {
  readonly status?: { readonly conditions?: readonly { readonly type?: string; readonly reason?: string }[] };
}

async function discovered(t: ConformanceContext, plural: string): Promise<void> {
  const groups = (await t.http({ path: "/apis" })).json() as {
    groups: { name: string; versions: { groupVersion: string }[] }[];
  };
  const group = groups.groups.find(({ name }) => name === GROUP);
  assert.ok(group?.versions.some(({ groupVersion }) => groupVersion === API_VERSION));
  const list = (await t.http({ path: `/apis/${API_VERSION}` })).json() as {
    resources: { name: string; verbs: string[]; namespaced: boolean }[];
  };
  const verbsOf = (name: string): readonly string[] =>
    list.resources.find((resource) => resource.name === name)?.verbs.toSorted() ?? [];
  const all = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];
  assert.deepEqual(verbsOf(plural), all);
  assert.deepEqual(verbsOf(`${plural}/status`), ["get", "patch", "update"]);
}

async function operate<T extends KubeObject & WithConditions>(
  t: ConformanceContext,
  operations: Operations<T>,
): Promise<void> {
  const { client, signal, unique } = t;
  const { kind, newObject, specPatch, readSpec, specValue } = operations;
  const label = { "e2e-test-label": unique };
  const labelSelector = `e2e-test-label=${unique}`;
  const names = ["a", "b", "c"].map((suffix) => `${unique}-${suffix}`);
  const created: T[] = [];
  for (const name of names) {
    const object = newObject(name);
    const metadata = { ...object.metadata, labels: label };
    created.push(await client.create(kind, { ...object, metadata }, signal));
    t.cleanup(() => client.delete(kind, { name }, signal).then(() => {}));
  }
  const [first] = created;
  const ref = { name: names[0]! };
  assert.deepEqual((await client.get(kind, ref, signal)).metadata.uid, first!.metadata.uid);
  const listed = await client.list(kind, { labelSelector }, signal);
  assert.deepEqual(listed.items.map(({ metadata }) => metadata.name).toSorted(), names);

  const watch = t.watch(kind, { labelSelector, resourceVersion: listed.metadata.resourceVersion! });
  const patched = await client.patch(
    kind,
    ref,
    { type: "merge", body: { metadata: { annotations: { patched: "true" } }, spec: specPatch } },
    signal,
  );
  assert.equal(patched.metadata.annotations?.["patched"], "true");
  assert.deepEqual(readSpec(patched), specValue);
  assert.equal(patched.metadata.generation, 2, "the spec changed once");
  const seen = await watch.until("the patch", ({ type, object }) => {
    return type === "MODIFIED" && (object as KubeObject).metadata.annotations?.["patched"] === "true";
  });
  assert.equal((seen.object as KubeObject).metadata.name, names[0]);
  const updated = await client.update(
    kind,
    { ...(await client.get(kind, ref, signal)), metadata: annotated(await client.get(kind, ref, signal)) },
    signal,
  );
  assert.equal(updated.metadata.annotations?.["updated"], "true");

  await changeStatus(t, operations, ref);

  await client.delete(kind, ref, signal);
  await assert.rejects(client.get(kind, ref, signal), isNotFound);
  await watch.until("the deletion", ({ type, object }) => {
    return type === "DELETED" && (object as KubeObject).metadata.name === names[0];
  });
  await client.deleteCollection(kind, { labelSelector }, signal);
  assert.deepEqual((await client.list(kind, { labelSelector }, signal)).items, []);
}

function annotated({ metadata }: KubeObject): KubeObject["metadata"] {
  return { ...metadata, annotations: { ...metadata.annotations, updated: "true" } };
}

function condition(type: string): object {
  return { type, status: "True", reason: "Tested", message: "by a test" };
}

/** Through the subresource, which changes nothing else, and is what the object shows. */
async function changeStatus<T extends KubeObject & WithConditions>(
  t: ConformanceContext,
  { kind }: Operations<T>,
  ref: { readonly name: string },
): Promise<void> {
  const { client, signal } = t;
  const path = `/apis/${API_VERSION}/${kind.names.plural}/${ref.name}/status`;
  const reasonOf = (object: WithConditions, type: string): string | undefined =>
    object.status?.conditions?.find((one) => one.type === type)?.reason;
  const before = await client.get(kind, ref, signal);
  const patch = await t.http({
    method: "PATCH",
    path,
    headers: { "content-type": "application/strategic-merge-patch+json" },
    body: JSON.stringify({ status: { conditions: [condition("Patched")] }, spec: { type: "Nonsense" } }),
  });
  assert.equal(patch.status, 200, patch.text);
  assert.equal(reasonOf(patch.json() as WithConditions, "Patched"), "Tested");
  const read = (await t.http({ path })).json() as T;
  const put = await t.http({
    method: "PUT",
    path,
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      ...read,
      status: { conditions: [...(read.status?.conditions ?? []), condition("Put")] },
    }),
  });
  assert.equal(put.status, 200, put.text);
  const after = await client.get(kind, ref, signal);
  assert.equal(reasonOf(after, "Patched"), "Tested");
  assert.equal(reasonOf(after, "Put"), "Tested");
  assert.equal(
    after.metadata.generation,
    before.metadata.generation,
    "a status is no part of the generation",
  );
  const specOf = (object: T): unknown => (object as { readonly spec?: unknown }).spec;
  assert.deepEqual(specOf(after), specOf(before));
}

conformance(
  "[sig-api-machinery] API priority and fairness should support FlowSchema API operations",
  async (t) => {
    await discovered(t, "flowschemas");
    await operate<FlowSchema>(t, {
      kind: FlowSchemas,
      newObject: (name) => ({
        apiVersion: API_VERSION,
        kind: "FlowSchema",
        metadata: { name },
        spec: {
          matchingPrecedence: 9_999,
          priorityLevelConfiguration: { name: "global-default" },
          distinguisherMethod: { type: "ByUser" },
          rules: [
            {
              subjects: [{ kind: "User", user: { name: `nobody-${name}` } }],
              nonResourceRules: [{ verbs: ["*"], nonResourceURLs: ["*"] }],
            },
          ],
        },
      }),
      specPatch: { matchingPrecedence: 9_998 },
      readSpec: ({ spec }) => spec?.matchingPrecedence,
      specValue: 9_998,
    });
  },
);

conformance(
  "[sig-api-machinery] API priority and fairness should support PriorityLevelConfiguration API operations",
  async (t) => {
    await discovered(t, "prioritylevelconfigurations");
    await operate<PriorityLevelConfiguration>(t, {
      kind: PriorityLevelConfigurations,
      newObject: (name) => ({
        apiVersion: API_VERSION,
        kind: "PriorityLevelConfiguration",
        metadata: { name },
        spec: {
          type: "Limited",
          limited: { nominalConcurrencyShares: 2, limitResponse: { type: "Reject" } },
        },
      }),
      specPatch: { limited: { nominalConcurrencyShares: 4 } },
      readSpec: ({ spec }) => spec?.limited?.nominalConcurrencyShares,
      specValue: 4,
    });
  },
);
