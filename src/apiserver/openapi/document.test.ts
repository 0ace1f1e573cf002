import assert from "node:assert/strict";
import { test } from "node:test";
import { betaKinds, builtinKinds, newScheme } from "#api";
import { documentParts, jsonText } from "./document.ts";
import type { Dialect } from "./schema-object.ts";

// Everything that is known, also what is not served.
const parts = documentParts(newScheme([...builtinKinds, ...betaKinds()]));

interface Operation {
  readonly operationId: string;
  readonly "x-kubernetes-action"?: string;
  readonly "x-kubernetes-group-version-kind"?: {
    readonly group: string;
    readonly version: string;
    readonly kind: string;
  };
  readonly parameters?: readonly { readonly name: string; readonly in: string }[];
}

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly definitions?: Readonly<Record<string, unknown>>;
  readonly components?: { readonly schemas: Readonly<Record<string, unknown>> };
}

async function documentOf(
  dialect: Dialect,
  ...names: readonly string[]
): Promise<{ text: string; document: Document }> {
  const chosen = names.length === 0 ? [...parts.values()] : names.map((name) => parts.get(name)!);
  let text = "";
  for await (const piece of jsonText({ dialect, parts: chosen, prose: undefined })) text += piece;
  return { text, document: JSON.parse(text) as Document };
}

function operationsOf({ paths }: Document): readonly Operation[] {
  return Object.values(paths).flatMap((item) =>
    Object.entries(item).flatMap(([method, operation]) => (method === "parameters" ? [] : [operation])),
  );
}

function danglingIn(text: string, definitions: Readonly<Record<string, unknown>>): readonly string[] {
  const names = [...text.matchAll(/"\$ref":"#\/(?:definitions|components\/schemas)\/([^"]+)"/g)].map(
    ([, name]) => name!,
  );
  return [...new Set(names)].filter((name) => !(name in definitions));
}

test("jsonText writes documents without dangling references, each operation with an id of its own", async () => {
  for (const name of parts.keys()) {
    const { text, document } = await documentOf("v3", name);
    assert.deepEqual(danglingIn(text, document.components!.schemas), [], name);
    const ids = operationsOf(document).map(({ operationId }) => operationId);
    assert.equal(new Set(ids).size, ids.length, name);
  }
  const { text, document } = await documentOf("v2");
  assert.deepEqual(danglingIn(text, document.definitions!), []);
  const ids = operationsOf(document).map(({ operationId }) => operationId);
  assert.equal(new Set(ids).size, ids.length);
});

test("jsonText gives every patch what kubectl looks for before it validates", async () => {
  const { document } = await documentOf("v3", "api/v1", "apis/apps/v1");
  const patches = operationsOf(document).filter((operation) => operation["x-kubernetes-action"] === "patch");
  assert.ok(patches.length > 20);
  for (const { operationId, parameters } of patches) {
    const names = parameters?.filter((parameter) => parameter.in === "query").map(({ name }) => name);
    assert.deepEqual(names, ["dryRun", "fieldManager", "fieldValidation", "force"], operationId);
  }
});

test("jsonText names operations as upstream does", async () => {
  const { document } = await documentOf("v3", "api/v1", "apis/apps/v1", "apis/rbac.authorization.k8s.io/v1");
  const table: readonly (readonly [
    path: string,
    method: string,
    id: string,
    action: string,
    kind: string,
  ])[] = [
    [
      "/apis/apps/v1/namespaces/{namespace}/deployments",
      "post",
      "createAppsV1NamespacedDeployment",
      "post",
      "apps/v1/Deployment",
    ],
    [
      "/apis/apps/v1/namespaces/{namespace}/deployments",
      "delete",
      "deleteAppsV1CollectionNamespacedDeployment",
      "deletecollection",
      "apps/v1/Deployment",
    ],
    [
      "/apis/apps/v1/deployments",
      "get",
      "listAppsV1DeploymentForAllNamespaces",
      "list",
      "apps/v1/Deployment",
    ],
    [
      "/apis/apps/v1/namespaces/{namespace}/deployments/{name}/scale",
      "put",
      "replaceAppsV1NamespacedDeploymentScale",
      "put",
      "autoscaling/v1/Scale",
    ],
    ["/api/v1/nodes/{name}", "get", "readCoreV1Node", "get", "/v1/Node"],
    [
      "/api/v1/watch/namespaces/{namespace}/pods/{name}",
      "get",
      "watchCoreV1NamespacedPod",
      "watch",
      "/v1/Pod",
    ],
    [
      "/api/v1/namespaces/{namespace}/pods/{name}/exec",
      "get",
      "connectCoreV1GetNamespacedPodExec",
      "connect",
      "/v1/PodExecOptions",
    ],
    [
      "/api/v1/namespaces/{namespace}/pods/{name}/proxy/{path}",
      "put",
      "connectCoreV1PutNamespacedPodProxyWithPath",
      "connect",
      "/v1/PodProxyOptions",
    ],
    [
      "/api/v1/namespaces/{namespace}/pods/{name}/eviction",
      "post",
      "createCoreV1NamespacedPodEviction",
      "post",
      "policy/v1/Eviction",
    ],
    ["/api/v1/namespaces/{name}/finalize", "put", "replaceCoreV1NamespaceFinalize", "put", "/v1/Namespace"],
    [
      "/apis/rbac.authorization.k8s.io/v1/clusterroles/{name}",
      "patch",
      "patchRbacAuthorizationV1ClusterRole",
      "patch",
      "rbac.authorization.k8s.io/v1/ClusterRole",
    ],
  ];
  for (const [path, method, id, action, kind] of table) {
    const operation = document.paths[path]?.[method];
    const gvk = operation?.["x-kubernetes-group-version-kind"];
    assert.equal(operation?.operationId, id, path);
    assert.equal(operation?.["x-kubernetes-action"], action, id);
    assert.equal(`${gvk?.group}/${gvk?.version}/${gvk?.kind}`, kind, id);
  }
});
