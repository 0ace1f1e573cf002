/** Aggregated discovery: everything in two documents, in the form that `Accept` asks for. */
import assert from "node:assert/strict";
import { CustomResourceDefinitions } from "#api/apiextensions/v1/customresourcedefinition";
import { discover } from "#client";
import { conformance, newCustomKind, type ConformanceContext } from "../harness/index.ts";

interface ResourceDiscovery {
  readonly resource: string;
  readonly responseKind: { readonly group: string; readonly version: string; readonly kind: string };
  readonly scope: string;
  readonly singularResource: string;
  readonly verbs: readonly string[];
  readonly subresources?: readonly { readonly subresource: string; readonly verbs: readonly string[] }[];
}

interface GroupDiscovery {
  readonly metadata: { readonly name?: string };
  readonly versions: readonly {
    readonly version: string;
    readonly resources: readonly ResourceDiscovery[];
    readonly freshness: string;
  }[];
}

interface GroupDiscoveryList {
  readonly kind: string;
  readonly apiVersion: string;
  readonly items: readonly GroupDiscovery[];
}

const V2 = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
const V2BETA1 = V2.replace("v=v2", "v=v2beta1");
/** Group, version, resource: of every conformant cluster. */
const EXPECTED: readonly (readonly [string, string, string])[] = [
  ["admissionregistration.k8s.io", "v1", "mutatingwebhookconfigurations"],
  ["apiextensions.k8s.io", "v1", "customresourcedefinitions"],
  ["apps", "v1", "statefulsets"],
  ["batch", "v1", "cronjobs"],
  ["coordination.k8s.io", "v1", "leases"],
  ["networking.k8s.io", "v1", "networkpolicies"],
  ["rbac.authorization.k8s.io", "v1", "clusterroles"],
  ["storage.k8s.io", "v1", "csidrivers"],
];

async function aggregated(t: ConformanceContext, path: string, accept = V2): Promise<GroupDiscoveryList> {
  const answer = await t.http({ path, headers: { accept } });
  assert.equal(answer.status, 200, answer.text);
  const list = answer.json() as GroupDiscoveryList;
  assert.equal(list.kind, "APIGroupDiscoveryList");
  return list;
}

function resourceOf(
  { items }: GroupDiscoveryList,
  group: string | undefined,
  version: string,
  resource: string,
): ResourceDiscovery | undefined {
  return items
    .find(({ metadata }) => metadata.name === group)
    ?.versions.find((one) => one.version === version)
    ?.resources.find((one) => one.resource === resource);
}

conformance(
  "[sig-api-machinery] AggregatedDiscovery should support raw aggregated discovery endpoint Accept headers",
  async (t) => {
    const ask = async (
      path: string,
      accept: string,
    ): Promise<readonly [number, string | undefined, string]> => {
      const answer = await t.http({ path, headers: { accept } });
      const { kind } = answer.json() as GroupDiscoveryList;
      return [answer.status, answer.headers["content-type"], kind];
    };
    for (const [path, legacyKind] of [
      ["/api", "APIVersions"],
      ["/apis", "APIGroupList"],
    ] as const) {
      assert.deepEqual(await ask(path, V2), [200, V2, "APIGroupDiscoveryList"]);
      assert.deepEqual(await ask(path, V2BETA1), [200, V2BETA1, "APIGroupDiscoveryList"]);
      assert.deepEqual(await ask(path, `${V2BETA1},${V2},application/json`), [
        200,
        V2BETA1,
        "APIGroupDiscoveryList",
      ]);
      assert.deepEqual(await ask(path, `${V2},${V2BETA1},application/json`), [
        200,
        V2,
        "APIGroupDiscoveryList",
      ]);
      assert.deepEqual(await ask(path, "application/json"), [200, "application/json", legacyKind]);
      const { apiVersion } = await aggregated(t, path, V2);
      assert.equal(apiVersion, "apidiscovery.k8s.io/v2");
      const unknown = await t.http({ path, headers: { accept: V2.replace("v=v2", "v=v9") } });
      assert.equal(unknown.status, 406);
    }
  },
);

conformance(
  "[sig-api-machinery] AggregatedDiscovery should support aggregated discovery interface",
  async (t) => {
    const named = await aggregated(t, "/apis");
    for (const { metadata, versions } of named.items) {
      assert.ok(metadata.name !== undefined && metadata.name !== "", "a group under /apis has no name");
      for (const { version, freshness } of versions)
        assert.equal(freshness, "Current", `${metadata.name}/${version}`);
    }
    for (const [group, version, resource] of EXPECTED) {
      const found = resourceOf(named, group, version, resource);
      assert.ok(found !== undefined, `${group}/${version} ${resource} is not to be found`);
      assert.equal(found.responseKind.group, group);
      assert.equal(found.responseKind.version, version);
      assert.ok(found.verbs.includes("list"));
    }
    const core = await aggregated(t, "/api");
    assert.equal(core.items.length, 1);
    const pods = resourceOf(core, undefined, "v1", "pods")!;
    assert.equal(pods.scope, "Namespaced");
    assert.equal(pods.singularResource, "pod");
    assert.deepEqual(pods.responseKind, { group: "", version: "v1", kind: "Pod" });
    assert.deepEqual(pods.subresources?.find(({ subresource }) => subresource === "eviction")?.verbs, [
      "create",
    ]);
    assert.equal(resourceOf(core, undefined, "v1", "nodes")!.scope, "Cluster");
    // a client that asks for the aggregated form finds the same kinds as one that goes group by group
    const { groups, failures } = await discover(t.client.transport, t.signal);
    assert.equal(failures.size, 0);
    const apps = groups.find(({ name }) => name === "apps");
    assert.deepEqual(apps?.versions[0]?.kinds.map(({ kind }) => kind).toSorted(), [
      "ControllerRevision",
      "DaemonSet",
      "Deployment",
      "ReplicaSet",
      "StatefulSet",
    ]);
  },
);

const SUBRESOURCES = {
  status: {},
  scale: { specReplicasPath: ".spec.replicas", statusReplicasPath: ".status.replicas" },
};

function versionsOf(): Parameters<typeof newCustomKind>[1] {
  const schema = { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } };
  return {
    versions: [
      { name: "v1", served: true, storage: true, schema, subresources: SUBRESOURCES },
      { name: "v1beta1", served: true, storage: false, schema },
      { name: "v1alpha1", served: false, storage: false, schema },
    ],
  };
}

async function untilGone(t: ConformanceContext, group: string, name: string): Promise<void> {
  await t.client.delete(CustomResourceDefinitions, { name }, t.signal);
  await t.waitGone(CustomResourceDefinitions, { name });
  const left = (await aggregated(t, "/apis")).items.find(({ metadata }) => metadata.name === group);
  assert.equal(left, undefined, "the group outlives its only definition");
}

conformance(
  "[sig-api-machinery] AggregatedDiscovery should support raw aggregated discovery request for CRDs",
  async (t) => {
    const { crd } = await newCustomKind(t, versionsOf());
    const { group } = crd.spec;
    const found = (await aggregated(t, "/apis")).items.find(({ metadata }) => metadata.name === group);
    assert.deepEqual(
      found?.versions.map(({ version }) => version),
      ["v1", "v1beta1"],
    );
    const [v1, v1beta1] = found.versions.map(({ resources }) => resources);
    assert.deepEqual(
      v1!.map(({ resource }) => resource),
      ["gadgets"],
    );
    const { responseKind, scope, singularResource, subresources, verbs } = v1![0]!;
    assert.deepEqual(responseKind, { group, version: "v1", kind: "Gadget" });
    assert.equal(scope, "Namespaced");
    assert.equal(singularResource, "gadget");
    assert.deepEqual(verbs.toSorted(), [
      "create",
      "delete",
      "deletecollection",
      "get",
      "list",
      "patch",
      "update",
      "watch",
    ]);
    assert.deepEqual(subresources?.map(({ subresource }) => subresource).toSorted(), ["scale", "status"]);
    assert.equal(v1beta1![0]!.subresources, undefined);
    await untilGone(t, group, crd.metadata.name);
  },
);

conformance(
  "[sig-api-machinery] AggregatedDiscovery should support aggregated discovery interface for CRDs",
  async (t) => {
    const { crd } = await newCustomKind(t, versionsOf());
    const { groups } = await discover(t.client.transport, t.signal);
    const versions = groups.find(({ name }) => name === crd.spec.group)?.versions;
    assert.deepEqual(
      versions?.map(({ version }) => version),
      ["v1", "v1beta1"],
    );
    const [kind] = versions[0]!.kinds;
    assert.equal(kind?.kind, "Gadget");
    // what discovery tells is enough to work with
    const gadget = {
      apiVersion: `${crd.spec.group}/v1`,
      kind: "Gadget",
      metadata: { name: "one", namespace: t.namespace },
    };
    const made = await t.client.create(kind, gadget, t.signal);
    assert.equal(made.kind, "Gadget");
    assert.match(
      await t.kubectl("get", `gadgets.v1.${crd.spec.group}`, "-o", "name"),
      /^gadget\.\S+\/one\n$/,
    );
    await untilGone(t, crd.spec.group, crd.metadata.name);
  },
);
