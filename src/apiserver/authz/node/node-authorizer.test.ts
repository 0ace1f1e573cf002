import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { PersistentVolume, PersistentVolumeClaim, Pod } from "#api/core/v1/types.gen";
import type { AuthorizationAttributes, UserInfo } from "../../user-info.ts";
import { bootstrapClusterRoles } from "../rbac/bootstrap-policy.ts";
import { nodeAuthorizer } from "./node-authorizer.ts";
import { nodeGraph, type GraphObjects } from "./node-graph.ts";

const volume = {
  metadata: { name: "pv" },
  spec: {
    claimRef: { namespace: "ns", name: "data" },
    csi: { driver: "d", volumeHandle: "h", nodeStageSecretRef: { namespace: "storage", name: "stage" } },
  },
} as PersistentVolume;

/** Its claim is another than the one that names it. */
const foreign = {
  metadata: { name: "foreign" },
  spec: {
    claimRef: { namespace: "theirs", name: "data" },
    csi: { driver: "d", volumeHandle: "h", nodeStageSecretRef: { namespace: "theirs", name: "stage" } },
  },
} as PersistentVolume;
/** Released, or for anybody. */
const unclaimed = { metadata: { name: "unclaimed" }, spec: {} } as PersistentVolume;
const volumes: Readonly<Record<string, PersistentVolume>> = { pv: volume, foreign, unclaimed };
const claimNames: Readonly<Record<string, string>> = { data: "pv", taken: "foreign" };

function pod(spec: object, annotations?: Record<string, string>): Pod {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "p", namespace: "ns", ...(annotations !== undefined && { annotations }) },
    spec: { containers: [{ name: "c" }], ...spec },
  };
}

const pods: Readonly<Record<string, readonly Pod[]>> = {
  n1: [
    pod({
      serviceAccountName: "runner",
      imagePullSecrets: [{ name: "pull" }],
      containers: [
        {
          name: "c",
          env: [{ name: "A", valueFrom: { secretKeyRef: { name: "env", key: "k" } } }],
          envFrom: [{ configMapRef: { name: "all" } }],
        },
      ],
      volumes: [
        { name: "s", secret: { secretName: "mounted" } },
        { name: "p", projected: { sources: [{ configMap: { name: "projected" } }] } },
        { name: "d", persistentVolumeClaim: { claimName: "data" } },
        { name: "t", persistentVolumeClaim: { claimName: "taken" } },
        { name: "e", ephemeral: {} },
      ],
    }),
    {
      ...pod({
        resourceClaims: [
          { name: "r", resourceClaimName: "named" },
          { name: "t", resourceClaimTemplateName: "template" },
        ],
      }),
      status: {
        resourceClaimStatuses: [
          { name: "t", resourceClaimName: "made" },
          { name: "none", resourceClaimName: "nobodys" },
        ],
        extendedResourceClaimStatus: { resourceClaimName: "extended", requestMappings: [] },
      },
    },
  ],
  n2: [
    pod(
      { volumes: [{ name: "s", secret: { secretName: "mounted" } }] },
      { "kubernetes.io/config.mirror": "x" },
    ),
  ],
};

const graph = nodeGraph({
  podsOf: (name) => pods[name] ?? [],
  claim: (_namespace, name) =>
    claimNames[name] === undefined
      ? undefined
      : ({ metadata: { name }, spec: { volumeName: claimNames[name] } } as PersistentVolumeClaim),
  volume: (name) => volumes[name],
  attachment: () => undefined,
  slice: () => undefined,
  certificateRequest: (_namespace, name) =>
    ({ spec: { nodeName: name } }) as ReturnType<GraphObjects["certificateRequest"]>,
});
const rules = bootstrapClusterRoles().find(({ metadata }) => metadata.name === "system:node")?.rules ?? [];
const authorizer = nodeAuthorizer(graph, rules);

function node(name: string): UserInfo {
  return { name: `system:node:${name}`, groups: ["system:nodes"] };
}

/** `get /secrets ns/name`, `create /serviceaccounts/token ns/name`. */
function attributes(user: UserInfo, text: string): AuthorizationAttributes {
  const [verb = "", kind = "", where = ""] = text.split(" ");
  const [group = "", resource = "", subresource = ""] = kind.split("/");
  const [namespace = "", name = ""] = where.split("/");
  return {
    user,
    verb,
    group,
    resource,
    subresource,
    namespace,
    name,
    version: "v1",
    isResourceRequest: true,
    path: "",
  };
}

suite("nodeAuthorizer()", () => {
  const cases: readonly (readonly [request: string, expected: boolean])[] = [
    ["get /secrets ns/pull", true],
    ["watch /secrets ns/env", true],
    ["get /secrets ns/mounted", true],
    ["get /secrets storage/stage", true],
    ["get /secrets theirs/stage", false],
    ["get /secrets ns/other", false],
    ["get /secrets other/pull", false],
    ["list /secrets ns/", false],
    ["update /secrets ns/pull", false],
    ["get /configmaps ns/all", true],
    ["get /configmaps ns/projected", true],
    ["get /configmaps ns/pull", false],
    ["get /persistentvolumeclaims ns/data", true],
    ["get /persistentvolumeclaims ns/p-e", true],
    ["patch /persistentvolumeclaims/status ns/data", true],
    ["get resource.k8s.io/resourceclaims ns/named", true],
    ["get resource.k8s.io/resourceclaims ns/made", true],
    ["get resource.k8s.io/resourceclaims ns/extended", true],
    ["get resource.k8s.io/resourceclaims ns/nobodys", false],
    ["get resource.k8s.io/resourceclaims ns/other", false],
    ["update resource.k8s.io/resourceclaims ns/named", false],
    ["get /persistentvolumes /pv", true],
    ["get /persistentvolumes /other", false],
    ["get /persistentvolumes /foreign", false],
    ["get /persistentvolumes /unclaimed", false],
    ["list /persistentvolumes /", false],
    ["watch /persistentvolumes /pv", false],
    ["get /persistentvolumes/status /pv", false],
    ["update /persistentvolumes /pv", false],
    ["create /serviceaccounts/token ns/runner", true],
    ["create /serviceaccounts/token ns/default", false],
    ["update coordination.k8s.io/leases kube-node-lease/n1", true],
    ["update coordination.k8s.io/leases kube-node-lease/n2", false],
    ["create coordination.k8s.io/leases default/n1", false],
    ["update /nodes/status /n1", true],
    ["delete /nodes /n1", false],
    ["list /services /", true],
    ["create certificates.k8s.io/podcertificaterequests ns/", true],
    ["get certificates.k8s.io/podcertificaterequests ns/n1", true],
    ["get certificates.k8s.io/podcertificaterequests ns/n2", false],
    ["list certificates.k8s.io/podcertificaterequests /", false],
    ["delete certificates.k8s.io/podcertificaterequests ns/n1", false],
    ["update certificates.k8s.io/podcertificaterequests/status ns/n1", false],
    ["list certificates.k8s.io/clustertrustbundles /", true],
    ["create /pods ns/", true],
    ["create /deployments ns/", false],
  ];
  for (const [request, expected] of cases) {
    test(`nodeAuthorizer() ${expected ? "allows" : "does not allow"} ${request}`, async () => {
      assert.equal((await authorizer.authorize(attributes(node("n1"), request))).allowed, expected);
      const stranger = { name: "system:node:n1", groups: [] };
      assert.equal((await authorizer.authorize(attributes(stranger, request))).allowed, false);
    });
  }

  test("nodeAuthorizer() gives a node nothing for mirrors that it wrote itself", async () => {
    const decision = await authorizer.authorize(attributes(node("n2"), "get /secrets ns/mounted"));
    assert.deepEqual(decision, {
      allowed: false,
      reason: "no relationship found between node 'n2' and this object",
    });
  });
});
