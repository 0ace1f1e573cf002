/** CustomResourceDefinitions as objects, and what comes and goes with them. */
import assert from "node:assert/strict";
import { CustomResourceDefinitions } from "#api/apiextensions/v1/customresourcedefinition";
import type { CustomResourceDefinition, JSONSchemaProps } from "#api/apiextensions/v1/types.gen";
import { collectionPath, type Unstructured } from "#client";
import {
  conformance,
  isEstablished,
  newCustomKind,
  type ConformanceContext,
  type CustomKind,
} from "../harness/index.ts";

type Labels = Readonly<Record<string, string>>;

function newDefinition(t: ConformanceContext, plural: string, labels: Labels = {}): CustomResourceDefinition {
  const group = `${t.unique}.example.com`;
  const kind = `${plural.slice(0, 1).toUpperCase()}${plural.slice(1, -1)}`;
  const openAPIV3Schema: JSONSchemaProps = { type: "object", "x-kubernetes-preserve-unknown-fields": true };
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${plural}.${group}`, labels },
    spec: {
      group,
      scope: "Namespaced",
      names: { plural, singular: plural.slice(0, -1), kind, listKind: `${kind}List` },
      versions: [{ name: "v1", served: true, storage: true, schema: { openAPIV3Schema } }],
    },
  };
}

function gadget({ crd }: CustomKind, namespace: string, name: string, rest: object = {}): Unstructured {
  const apiVersion = `${crd.spec.group}/v1`;
  return { apiVersion, kind: "Gadget", metadata: { name, namespace }, ...rest };
}

function names(items: readonly { readonly metadata: { readonly name: string } }[]): readonly string[] {
  return items.map(({ metadata }) => metadata.name).toSorted();
}

conformance(
  "[sig-api-machinery] CustomResourceDefinition resources [Privileged:ClusterAdmin] Simple CustomResourceDefinition creating/deleting custom resource definition objects works",
  async (t) => {
    const { client, signal, namespace } = t;
    const made = await client.create(CustomResourceDefinitions, newDefinition(t, "widgets"), signal);
    const ref = { name: made.metadata.name };
    t.cleanup((undoing) => client.delete(CustomResourceDefinitions, ref, undoing));
    assert.equal(made.spec.conversion?.strategy, "None", "defaulted");
    const { status } = await t.waitFor(CustomResourceDefinitions, ref, isEstablished);
    assert.deepEqual(status?.acceptedNames, made.spec.names);
    assert.deepEqual(status?.storedVersions, ["v1"]);
    const path = `/apis/${made.spec.group}/v1/namespaces/${namespace}/widgets`;
    const body = JSON.stringify({
      apiVersion: `${made.spec.group}/v1`,
      kind: "Widget",
      metadata: { name: "one", finalizers: [] },
    });
    const headers = { "content-type": "application/json" };
    assert.equal((await t.http({ method: "POST", path, body, headers })).status, 201);
    assert.equal((await t.http({ path: `${path}/one` })).status, 200);

    await client.delete(CustomResourceDefinitions, ref, signal);
    await t.waitGone(CustomResourceDefinitions, ref);
    for (const gone of [path, `${path}/one`]) assert.equal((await t.http({ path: gone })).status, 404);
    // A new one of the name has nothing of the old one's objects.
    await client.create(CustomResourceDefinitions, newDefinition(t, "widgets"), signal);
    await t.waitFor(CustomResourceDefinitions, ref, isEstablished);
    const list = (await t.http({ path })).json() as { readonly items: readonly unknown[] };
    assert.deepEqual(list.items, []);
  },
);

conformance(
  "[sig-api-machinery] CustomResourceDefinition resources [Privileged:ClusterAdmin] Simple CustomResourceDefinition listing custom resource definition objects works",
  async (t) => {
    const { client, signal } = t;
    const labels = { test: t.unique };
    const labelSelector = `test=${t.unique}`;
    const plurals = ["bolts", "nuts", "screws"];
    t.cleanup((undoing) => client.deleteCollection(CustomResourceDefinitions, { labelSelector }, undoing));
    const all = plurals.map((plural) => newDefinition(t, plural, labels));
    for (const crd of all) await client.create(CustomResourceDefinitions, crd, signal);
    const listed = await client.list(CustomResourceDefinitions, { labelSelector }, signal);
    assert.deepEqual(names(listed.items), names(all));
    const everything = await client.list(CustomResourceDefinitions, {}, signal);
    for (const { metadata } of all) assert.ok(names(everything.items).includes(metadata.name));
    const rows = await t.kubectl("get", "crds", `--selector=${labelSelector}`, "--output=name");
    assert.equal(rows.trimEnd().split("\n").length, plurals.length);
    await client.deleteCollection(CustomResourceDefinitions, { labelSelector }, signal);
    for (const { metadata } of all) await t.waitGone(CustomResourceDefinitions, { name: metadata.name });
    const left = await client.list(CustomResourceDefinitions, { labelSelector }, signal);
    assert.deepEqual(left.items, []);
  },
);

conformance(
  "[sig-api-machinery] CustomResourceDefinition resources [Privileged:ClusterAdmin] Simple CustomResourceDefinition getting/updating/patching custom resource definition status sub-resource works",
  async (t) => {
    const { client, signal } = t;
    const { crd } = await newCustomKind(t);
    const { name } = crd.metadata;
    const path = `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${name}/status`;
    const got = (await t.http({ path })).json() as CustomResourceDefinition;
    assert.equal(got.metadata.uid, crd.metadata.uid);
    assert.ok(isEstablished(got));

    const lastTransitionTime = "2024-01-01T00:00:00Z";
    const own = { type: "Tested", status: "True", reason: "E", message: "by a test", lastTransitionTime };
    const conditions = [...(got.status?.conditions ?? []), own];
    const wrongSpec = { ...got.spec, scope: "Cluster" };
    const updated = await client.updateStatus(
      CustomResourceDefinitions,
      { ...got, spec: wrongSpec, status: { ...got.status, conditions } },
      signal,
    );
    assert.deepEqual(updated.status?.conditions?.at(-1), own);
    assert.equal(updated.spec.scope, "Namespaced", "status has a place of its own");

    const patchedConditions = [...conditions.slice(0, -1), { ...own, status: "False" }];
    const patched = await client.patch(
      CustomResourceDefinitions,
      { name },
      { type: "merge", body: { status: { conditions: patchedConditions } } },
      signal,
      { subresource: "status" },
    );
    assert.equal(patched.status?.conditions?.at(-1)?.status, "False");
    const now = await client.get(CustomResourceDefinitions, { name }, signal);
    assert.deepEqual(now.status?.conditions?.find(({ type }) => type === "Tested")?.status, "False");
    assert.ok(isEstablished(now));
  },
);

function fields({ a, b, c }: Unstructured): unknown {
  return { a, b, c };
}

const DEFAULTED: JSONSchemaProps = {
  type: "object",
  properties: {
    a: { type: "string", default: "A" },
    b: { type: "string", default: "B" },
    c: { type: "object", default: {}, properties: { d: { type: "integer", default: 4 } } },
  },
};

conformance(
  "[sig-api-machinery] CustomResourceDefinition resources [Privileged:ClusterAdmin] custom resource defaulting for requests and from storage works",
  async (t) => {
    const { client, signal, namespace } = t;
    const first: JSONSchemaProps = {
      type: "object",
      properties: { a: { type: "string" }, b: { type: "string" } },
    };
    const custom = await newCustomKind(t, { schema: first });
    const ref = { namespace, name: "early" };
    const early = await client.create(custom.kind, gadget(custom, namespace, "early", { b: "own" }), signal);
    assert.equal(early["a"], undefined);

    const name = custom.crd.metadata.name;
    const publish = async (openAPIV3Schema: JSONSchemaProps): Promise<void> => {
      const version = { ...custom.crd.spec.versions[0]!, schema: { openAPIV3Schema } };
      const body = { spec: { versions: [version] } };
      await client.patch(CustomResourceDefinitions, { name }, { type: "merge", body }, signal);
    };
    await publish(DEFAULTED);
    const stored = { a: "A", b: "own", c: { d: 4 } };
    assert.deepEqual(fields(await client.get(custom.kind, ref, signal)), stored, "read from storage");
    const { items } = await client.list(custom.kind, { namespace }, signal);
    assert.deepEqual(items.map(fields), [stored], "listed from storage");
    const late = await client.create(custom.kind, gadget(custom, namespace, "late", { a: "own" }), signal);
    assert.deepEqual(fields(late), { a: "own", b: "B", c: { d: 4 } }, "in a request");
    // What a request got is stored; what was read alone is not.
    await publish({
      type: "object",
      properties: {
        ...DEFAULTED.properties,
        a: { type: "string", default: "Z" },
        b: { type: "string", default: "Z" },
      },
    });
    assert.deepEqual(fields(await client.get(custom.kind, ref, signal)), { ...stored, a: "Z" });
    const lateNow = await client.get(custom.kind, { namespace, name: "late" }, signal);
    assert.deepEqual(fields(lateNow), { a: "own", b: "B", c: { d: 4 } });
    // A write stores what was read.
    await client.patch(
      custom.kind,
      ref,
      { type: "merge", body: { metadata: { labels: { touched: "yes" } } } },
      signal,
    );
    await publish({
      ...first,
      properties: { ...first.properties, c: { type: "object", properties: { d: { type: "integer" } } } },
    });
    assert.deepEqual(fields(await client.get(custom.kind, ref, signal)), { ...stored, a: "Z" });
  },
);

conformance(
  "[sig-api-machinery] CustomResourceDefinition resources [Privileged:ClusterAdmin] should include custom resource definition resources in discovery documents",
  async (t) => {
    const get = async (path: string): Promise<Record<string, unknown>> => {
      const answer = await t.http({ path, headers: { accept: "application/json" } });
      assert.equal(answer.status, 200, answer.text);
      return answer.json() as Record<string, unknown>;
    };
    const group = "apiextensions.k8s.io";
    const groupVersion = `${group}/v1`;
    const { groups } = (await get("/apis")) as { groups: readonly { readonly name: string }[] };
    const listed = groups.find(({ name }) => name === group);
    const version = { groupVersion, version: "v1" };
    assert.deepEqual(listed, { name: group, versions: [version], preferredVersion: version });
    const own = await get(`/apis/${group}`);
    assert.deepEqual(own, { kind: "APIGroup", apiVersion: "v1", ...listed });
    const { resources } = (await get(`/apis/${groupVersion}`)) as {
      resources: readonly {
        readonly name: string;
        readonly kind: string;
        readonly verbs: readonly string[];
      }[];
    };
    const find = (wanted: string) => resources.find(({ name }) => name === wanted);
    const definitions = find("customresourcedefinitions");
    assert.equal(definitions?.kind, "CustomResourceDefinition");
    for (const verb of ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"])
      assert.ok(definitions.verbs.includes(verb), verb);
    assert.deepEqual(find("customresourcedefinitions/status")?.verbs.toSorted(), ["get", "patch", "update"]);
  },
);

conformance(
  "[sig-api-machinery] CustomResourceDefinition Watch [Privileged:ClusterAdmin] CustomResourceDefinition Watch watch on custom resource definition objects",
  async (t) => {
    const { client, signal, namespace } = t;
    const custom = await newCustomKind(t);
    const path = collectionPath(custom.kind, namespace);
    const { metadata } = (await t.http({ path })).json() as { metadata: { resourceVersion: string } };
    const { resourceVersion } = metadata;
    const watches = ["a", "b"].map((name) =>
      t.watch(custom.kind, { namespace, fieldSelector: `metadata.name=${name}`, resourceVersion }),
    );
    const [watchA, watchB] = watches as [(typeof watches)[0], (typeof watches)[0]];
    const definitions = t.watch(CustomResourceDefinitions, {
      fieldSelector: `metadata.name=${custom.crd.metadata.name}`,
      resourceVersion: custom.crd.metadata.resourceVersion!,
    });
    const said = async (watch: typeof watchA): Promise<readonly unknown[]> => {
      const { type, object } = await watch.next();
      const { metadata: meta, color } = object as Unstructured;
      return [type, meta.name, color];
    };
    for (const name of ["a", "b"])
      await client.create(custom.kind, gadget(custom, namespace, name, { color: "red" }), signal);
    assert.deepEqual(await said(watchA), ["ADDED", "a", "red"]);
    assert.deepEqual(await said(watchB), ["ADDED", "b", "red"]);
    for (const name of ["b", "a"])
      await client.patch(
        custom.kind,
        { namespace, name },
        { type: "merge", body: { color: "blue" } },
        signal,
      );
    assert.deepEqual(await said(watchA), ["MODIFIED", "a", "blue"]);
    assert.deepEqual(await said(watchB), ["MODIFIED", "b", "blue"]);
    await client.delete(custom.kind, { namespace, name: "a" }, signal);
    assert.deepEqual(await said(watchA), ["DELETED", "a", "blue"]);
    await client.delete(custom.kind, { namespace, name: "b" }, signal);
    assert.deepEqual(await said(watchB), ["DELETED", "b", "blue"]);
    assert.deepEqual([watchA.events.length, watchB.events.length], [3, 3]);

    const ref = { name: custom.crd.metadata.name };
    const body = { metadata: { labels: { touched: "yes" } } };
    await client.patch(CustomResourceDefinitions, ref, { type: "merge", body }, signal);
    const change = await definitions.until(
      "the label",
      ({ type, object }) => type === "MODIFIED" && object.metadata.labels?.["touched"] === "yes",
    );
    assert.equal(change.type, "MODIFIED");
    await client.delete(CustomResourceDefinitions, ref, signal);
    await definitions.until("the deletion", ({ type }) => type === "DELETED");
  },
);
