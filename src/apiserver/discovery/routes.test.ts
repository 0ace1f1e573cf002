import assert from "node:assert/strict";
import { test } from "node:test";
import { StatusError } from "#apimachinery";
import { scheme } from "#api";
import { discoveryPaths, discoveryRoute } from "./index.ts";
import { getRequest, shown } from "./test-request.ts";

const route = discoveryRoute({ scheme }, () => "10.0.0.1:6443");
const V2 = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
const V2_BETA = "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList";
const PROTOBUF = "application/vnd.kubernetes.protobuf";
const KUBECTL = `${V2},${V2_BETA},application/json`;

async function get(
  path: string,
  accept = "application/json",
  headers = {},
): Promise<ReturnType<typeof shown>> {
  assert.ok(route.matches(path), path);
  return shown(await route.handle(getRequest(path, { accept, ...headers })));
}

test("discoveryRoute answers in the form that the client prefers", async () => {
  const table: readonly (readonly [path: string, accept: string, kind: string, type: string])[] = [
    ["/api", KUBECTL, "APIGroupDiscoveryList", V2],
    ["/apis", KUBECTL, "APIGroupDiscoveryList", V2],
    ["/apis/", V2_BETA, "APIGroupDiscoveryList", V2_BETA],
    ["/apis", `application/json,${V2}`, "APIGroupList", "application/json"],
    ["/apis", `application/json;q=0.1,${V2}`, "APIGroupDiscoveryList", V2],
    ["/api", "*/*", "APIVersions", "application/json"],
    ["/api", "", "APIVersions", "application/json"],
    [
      "/apis",
      `application/json;g=apidiscovery.k8s.io;v=v3;as=APIGroupDiscoveryList,*/*`,
      "APIGroupList",
      "application/json",
    ],
    ["/apis", "application/vnd.test, application/json", "APIGroupList", "application/json"],
    ["/apis", `${PROTOBUF}, application/json`, "APIGroupList", PROTOBUF],
    ["/api/v1", PROTOBUF, "APIResourceList", PROTOBUF],
    ["/apis/apps", "application/yaml", "APIGroup", "application/yaml"],
    [
      "/apis/apps/v1",
      KUBECTL.replaceAll("APIGroupDiscoveryList", "X"),
      "APIResourceList",
      "application/json",
    ],
    ["/api/v1", "application/json", "APIResourceList", "application/json"],
  ];
  for (const [path, accept, kind, type] of table) {
    const answer = await get(path, accept);
    assert.equal((answer.body as { kind: string }).kind, kind, `${path} ${accept}`);
    assert.equal(answer.type, type, `${path} ${accept}`);
  }
});

test("discoveryRoute matches discovery and nothing below it", () => {
  for (const path of ["/apis/nope", "/apis/apps/v9", "/api/v1/pods", "/apis/apps/v1/deployments", "/"]) {
    assert.equal(route.matches(path), false, path);
  }
});

test("discoveryRoute tells a client that it has the current document, without a body and a type", async () => {
  const first = await get("/apis", KUBECTL);
  const etag = first.headers["etag"]!;
  assert.match(etag, /^"[0-9A-F]{128}"$/);
  const again = await get("/apis", KUBECTL, { "if-none-match": etag });
  assert.deepEqual([again.status, again.type, again.body], [304, "", ""]);
  assert.equal((await get("/apis", KUBECTL, { "if-none-match": '"other"' })).status, 200);
  assert.notEqual((await get("/api", KUBECTL)).headers["etag"], etag);
});

test("discoveryRoute refuses to be written to", () => {
  const request = { ...getRequest("/apis"), method: "POST" };
  assert.throws(
    () => route.handle(request),
    (err) => err instanceof StatusError && err.code === 405,
  );
});

interface Entry {
  readonly name: string;
  readonly kind: string;
}

test("discoveryRoute lists resources and subresources with what they speak", async () => {
  const table: readonly (readonly [path: string, entry: Entry & Readonly<Record<string, unknown>>])[] = [
    [
      "/apis/apps/v1",
      {
        name: "deployments",
        singularName: "deployment",
        namespaced: true,
        kind: "Deployment",
        verbs: ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"],
        shortNames: ["deploy"],
        categories: ["all"],
        storageVersionHash: "8aSe+NMegvE=",
      },
    ],
    [
      "/apis/apps/v1",
      {
        name: "deployments/scale",
        singularName: "",
        namespaced: true,
        group: "autoscaling",
        version: "v1",
        kind: "Scale",
        verbs: ["get", "patch", "update"],
      },
    ],
    [
      "/apis/apps/v1",
      {
        name: "deployments/status",
        singularName: "",
        namespaced: true,
        kind: "Deployment",
        verbs: ["get", "patch", "update"],
      },
    ],
    [
      "/api/v1",
      {
        name: "pods/eviction",
        singularName: "",
        namespaced: true,
        group: "policy",
        version: "v1",
        kind: "Eviction",
        verbs: ["create"],
      },
    ],
    [
      "/api/v1",
      {
        name: "pods/exec",
        singularName: "",
        namespaced: true,
        kind: "PodExecOptions",
        verbs: ["create", "get"],
      },
    ],
    [
      "/api/v1",
      {
        name: "nodes/proxy",
        singularName: "",
        namespaced: false,
        kind: "NodeProxyOptions",
        verbs: ["create", "delete", "get", "patch", "update"],
      },
    ],
    [
      "/api/v1",
      {
        name: "serviceaccounts/token",
        singularName: "",
        namespaced: true,
        group: "authentication.k8s.io",
        version: "v1",
        kind: "TokenRequest",
        verbs: ["create"],
      },
    ],
    [
      "/api/v1",
      { name: "bindings", singularName: "binding", namespaced: true, kind: "Binding", verbs: ["create"] },
    ],
  ];
  for (const [path, entry] of table) {
    const { resources } = (await get(path)).body as { readonly resources: readonly Entry[] };
    assert.deepEqual(
      resources.find(({ name }) => name === entry.name),
      entry,
    );
  }
});

test("discoveryRoute aggregates groups in the order of preference, all of them current", async () => {
  const { items } = (await get("/apis", V2)).body as {
    readonly items: readonly {
      readonly metadata: { readonly name: string };
      readonly versions: readonly {
        readonly version: string;
        readonly freshness: string;
        readonly resources: readonly Record<string, unknown>[];
      }[];
    }[];
  };
  assert.deepEqual(
    items.map(({ metadata }) => metadata.name),
    scheme.groups.filter((group) => group !== ""),
  );
  assert.ok(items.every(({ versions }) => versions.every(({ freshness }) => freshness === "Current")));
  const autoscaling = items.find(({ metadata }) => metadata.name === "autoscaling")!;
  assert.deepEqual(
    autoscaling.versions.map(({ version }) => version),
    ["v2", "v1"],
  );
  const apps = items.find(({ metadata }) => metadata.name === "apps")!;
  assert.deepEqual(
    apps.versions[0]!.resources.find(({ resource }) => resource === "replicasets"),
    {
      resource: "replicasets",
      responseKind: { group: "apps", version: "v1", kind: "ReplicaSet" },
      scope: "Namespaced",
      singularResource: "replicaset",
      verbs: ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"],
      shortNames: ["rs"],
      categories: ["all"],
      subresources: [
        {
          subresource: "scale",
          responseKind: { group: "autoscaling", version: "v1", kind: "Scale" },
          verbs: ["get", "patch", "update"],
        },
        {
          subresource: "status",
          responseKind: { group: "apps", version: "v1", kind: "ReplicaSet" },
          verbs: ["get", "patch", "update"],
        },
      ],
    },
  );
});

test("discoveryRoute names the server's address under /api alone", async () => {
  assert.deepEqual((await get("/api")).body, {
    kind: "APIVersions",
    versions: ["v1"],
    serverAddressByClientCIDRs: [{ clientCIDR: "0.0.0.0/0", serverAddress: "10.0.0.1:6443" }],
  });
  assert.deepEqual((await get("/apis/autoscaling")).body, {
    kind: "APIGroup",
    apiVersion: "v1",
    name: "autoscaling",
    versions: [
      { groupVersion: "autoscaling/v2", version: "v2" },
      { groupVersion: "autoscaling/v1", version: "v1" },
    ],
    preferredVersion: { groupVersion: "autoscaling/v2", version: "v2" },
  });
});

test("discoveryPaths() names every group and version", () => {
  const paths = discoveryPaths(scheme);
  for (const path of ["/api", "/api/v1", "/apis", "/apis/apps", "/apis/apps/v1"])
    assert.ok(paths.includes(path), path);
});
