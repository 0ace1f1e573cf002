/** A node that was taken over: what it may not do to itself, to others, and to what is not its own. */
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { Nodes } from "#api/core/v1/node";
import { Pods } from "#api/core/v1/pod";
import { Secrets } from "#api/core/v1/secret";
import { ServiceAccounts } from "#api/core/v1/serviceaccount";
import { createCertificateRequest, type KeyPairPem } from "#component-base/pki";
import { make, refusedAs } from "./security-actors.ts";
import { forever, startSecurityServer, type Answered, type SecurityServer } from "./security-server.ts";

const CSRS = "/apis/certificates.k8s.io/v1/certificatesigningrequests";
const IN_DEFAULT = "/api/v1/namespaces/default";
const APPLY = "application/apply-patch+yaml";
const MERGE = "application/merge-patch+json";
const JSON_PATCH = "application/json-patch+json";
const STRATEGIC = "application/strategic-merge-patch+json";

let cluster: SecurityServer;
before(async () => {
  cluster = await startSecurityServer();
});
after(() => cluster[Symbol.asyncDispose]());

const volume = (source: object): object => ({ volumes: [{ name: "v", ...source }] });

const request = async (
  commonName: string,
  signerName: string,
  organizations = ["system:nodes"],
): Promise<object> => {
  const { requestPem } = await createCertificateRequest({ commonName, organizations });
  const usages = ["digital signature", signerName.endsWith("serving") ? "server auth" : "client auth"];
  return {
    metadata: { name: `by-node-${commonName.replaceAll(":", "-")}-${signerName.split("/")[1]}` },
    spec: { request: Buffer.from(requestPem).toString("base64"), signerName, usages },
  };
};

suite("nodes", () => {
  let node: KeyPairPem;
  let uid = "";
  const MIRROR = { "kubernetes.io/config.mirror": "x" };

  before(async () => {
    node = await cluster.certificate("system:node:n1", "system:nodes");
    for (const name of ["n1", "n2"]) {
      const made = await make(cluster, Nodes, name, {
        metadata: { name, labels: { "node-restriction.kubernetes.io/kept": "yes" } },
      });
      if (name === "n1") uid = made.metadata.uid!;
      await make(cluster, Secrets, `on-${name}`, { stringData: { a: "b" } });
      await make(cluster, ServiceAccounts, `on-${name}`);
      await make(cluster, Pods, `on-${name}`, {
        spec: {
          nodeName: name,
          serviceAccountName: `on-${name}`,
          containers: [{ name: "c", image: "i", envFrom: [{ secretRef: { name: `on-${name}` } }] }],
        },
      });
    }
  });

  const as = (method: string, path: string, body?: unknown, contentType?: string): Promise<Answered> =>
    cluster.send(path, {
      method,
      certificate: node,
      ...(body !== undefined && { body }),
      ...(contentType !== undefined && { contentType }),
    });

  const NODE = "/api/v1/nodes/n1";
  const taints = [{ key: "a", effect: "NoSchedule" }];
  const owners = [{ apiVersion: "v1", kind: "ConfigMap", name: "x", uid: "x" }];
  const RESTRICTED = "node-restriction.kubernetes.io/mine";
  const whole = { apiVersion: "v1", kind: "Node" };
  const applied = (fields: object): object => ({ ...whole, metadata: { name: "n1" }, ...fields });
  for (const [what, message, changes] of [
    [
      "taints",
      /node "n1" is not allowed to modify taints$/,
      [
        [MERGE, { spec: { taints } }],
        [STRATEGIC, { spec: { taints } }],
        [JSON_PATCH, [{ op: "add", path: "/spec/taints", value: taints }]],
        [APPLY, applied({ spec: { taints } })],
      ],
    ],
    [
      "owners",
      /node "n1" is not allowed to modify ownerReferences$/,
      [
        [MERGE, { metadata: { ownerReferences: owners } }],
        [JSON_PATCH, [{ op: "add", path: "/metadata/ownerReferences", value: owners }]],
        [APPLY, applied({ metadata: { name: "n1", ownerReferences: owners } })],
      ],
    ],
    [
      "restricted labels",
      /is not allowed to modify labels: node-restriction\.kubernetes\.io\/mine$/,
      [
        [MERGE, { metadata: { labels: { [RESTRICTED]: "x" } } }],
        [STRATEGIC, { metadata: { labels: { [RESTRICTED]: "x" } } }],
        [APPLY, applied({ metadata: { name: "n1", labels: { [RESTRICTED]: "x" } } })],
      ],
    ],
    [
      "restricted labels by taking one away",
      /is not allowed to modify labels: node-restriction\.kubernetes\.io\/kept$/,
      [
        [MERGE, { metadata: { labels: { "node-restriction.kubernetes.io/kept": null } } }],
        [JSON_PATCH, [{ op: "remove", path: "/metadata/labels" }]],
      ],
    ],
    [
      "labels of roles",
      /is not allowed to modify labels: node-role\.kubernetes\.io\/control-plane$/,
      [[MERGE, { metadata: { labels: { "node-role.kubernetes.io/control-plane": "" } } }]],
    ],
  ] as const)
    test(`a node does not change its own ${what}, by any patch, of itself or of its status`, async () => {
      const earlier = await cluster.admin.get(Nodes, { name: "n1" }, forever);
      for (const [contentType, body] of changes)
        for (const at of [NODE, `${NODE}/status`]) {
          const query = contentType === APPLY ? "?fieldManager=n&force=true" : "";
          refusedAs(
            await as("PATCH", `${at}${query}`, body, contentType),
            403,
            message,
            `${contentType} ${at}`,
          );
        }
      const { metadata, spec } = await cluster.admin.get(Nodes, { name: "n1" }, forever);
      assert.deepEqual(
        [metadata.labels, metadata.ownerReferences, spec],
        [earlier.metadata.labels, earlier.metadata.ownerReferences, earlier.spec],
      );
    });

  const mirror = (change: object, metadata: object = {}): object => ({
    metadata: {
      name: "mirror",
      annotations: MIRROR,
      ownerReferences: [{ apiVersion: "v1", kind: "Node", name: "n1", uid, controller: true }],
      ...metadata,
    },
    spec: { nodeName: "n1", containers: [{ name: "c", image: "i" }], ...change },
  });
  const owner = (change: object): object => ({
    ownerReferences: [{ apiVersion: "v1", kind: "Node", name: "n1", uid, controller: true, ...change }],
  });
  for (const [what, body, message] of [
    ["no mirror", () => mirror({}, { annotations: {} }), /node "n1" can only create mirror pods$/],
    [
      "on another node",
      () => mirror({ nodeName: "n2" }),
      /can only create pods with spec\.nodeName set to itself$/,
    ],
    ["on no node", () => mirror({ nodeName: "" }), /can only create pods with spec\.nodeName set to itself$/],
    [
      "of nobody",
      () => mirror({}, { ownerReferences: [] }),
      /can only create pods with an owner reference set to itself$/,
    ],
    [
      "of another node",
      () => mirror({}, owner({ name: "n2" })),
      /can only create pods with an owner reference set to itself$/,
    ],
    [
      "of an earlier node of its name",
      () => mirror({}, owner({ uid: "old" })),
      /node n1 UID mismatch: expected old got /,
    ],
    [
      "that it does not control",
      () => mirror({}, owner({ controller: false })),
      /can only create pods with a controller owner reference set to itself$/,
    ],
    [
      "whose owner waits for it",
      () => mirror({}, owner({ blockOwnerDeletion: true })),
      /must not set blockOwnerDeletion on an owner reference$/,
    ],
    [
      "with an account",
      () => mirror({ serviceAccountName: "on-n2" }),
      /can not create pods that reference serviceaccounts$/,
    ],
    [
      "with a Secret",
      () => mirror(volume({ secret: { secretName: "on-n2" } })),
      /can not create pods that reference secrets/,
    ],
    [
      "with a projected Secret",
      () => mirror(volume({ projected: { sources: [{ secret: { name: "on-n2" } }] } })),
      /can not create pods that reference secrets/,
    ],
    [
      "with a token",
      () => mirror(volume({ projected: { sources: [{ serviceAccountToken: { path: "t" } }] } })),
      /can not create pods that reference serviceaccounts/,
    ],
    [
      "with a claim",
      () => mirror(volume({ persistentVolumeClaim: { claimName: "c" } })),
      /can not create pods that reference persistentvolumeclaims$/,
    ],
    [
      "with a pull secret",
      () => mirror({ imagePullSecrets: [{ name: "on-n2" }] }),
      /can not create pods that reference secrets$/,
    ],
    [
      "with a ConfigMap",
      () => mirror({ containers: [{ name: "c", image: "i", envFrom: [{ configMapRef: { name: "x" } }] }] }),
      /can not create pods that reference configmaps$/,
    ],
  ] as const)
    test(`a node makes no pod ${what}`, async () => {
      refusedAs(await as("POST", `${IN_DEFAULT}/pods`, body()), 403, message);
      assert.equal((await as("GET", `${IN_DEFAULT}/secrets/on-n2`)).code, 403);
    });

  test("a node makes mirrors of itself, reads Secrets of its own pods, and neither binds nor rewrites pods", async () => {
    const made = await as("POST", `${IN_DEFAULT}/pods`, mirror({}));
    assert.equal(made.code, 201, made.text);
    assert.equal((await as("GET", `${IN_DEFAULT}/secrets/on-n1`)).code, 200);
    await make(cluster, Pods, "unbound", { spec: { containers: [{ name: "c", image: "i" }] } });
    const binding = { metadata: { name: "unbound" }, target: { kind: "Node", name: "n1" } };
    const pods = `${IN_DEFAULT}/pods`;
    for (const [method, path, body, what] of [
      ["POST", `${pods}/unbound/binding`, binding, "pods/binding"],
      ["POST", `${IN_DEFAULT}/bindings`, binding, "bindings"],
      ["PATCH", `${pods}/on-n1`, { metadata: { labels: { a: "b" } } }, "pods"],
      ["PATCH", `${pods}/on-n1/ephemeralcontainers`, { spec: {} }, "pods/ephemeralcontainers"],
      ["PATCH", `${pods}/on-n1/resize`, { spec: {} }, "pods/resize"],
      ["DELETE", pods, undefined, "pods"],
      ["POST", `${pods}/on-n2/exec?command=sh`, undefined, "pods/exec"],
      ["GET", "/api/v1/nodes/n2/proxy/pods", undefined, "nodes/proxy"],
      [
        "POST",
        "/apis/rbac.authorization.k8s.io/v1/clusterroles",
        { metadata: { name: "x" } },
        "clusterroles",
      ],
    ] as const) {
      const contentType = method === "PATCH" ? MERGE : undefined;
      const answer = await as(method, path, body, contentType);
      refusedAs(answer, 403, new RegExp(`User "system:node:n1" cannot \\w+ resource "${what}"`), path);
    }
    for (const [status, message] of [
      [{ metadata: { labels: { a: "b" } } }, /cannot update labels through pod status$/],
      [
        { status: { resourceClaimStatuses: [{ name: "x", resourceClaimName: "y" }] } },
        /cannot update resource claim statues$/,
      ],
    ] as const)
      refusedAs(await as("PATCH", `${pods}/on-n1/status`, status, STRATEGIC), 403, message);
  });

  test("a node takes tokens for its own pods alone, and for whom those ask", async () => {
    const uids = new Map<string, string>();
    for (const name of ["on-n1", "on-n2"])
      uids.set(name, (await cluster.admin.get(Pods, { namespace: "default", name }, forever)).metadata.uid!);
    const ask = (account: string, pod?: string, more: object = {}): Promise<Answered> =>
      as("POST", `${IN_DEFAULT}/serviceaccounts/${account}/token`, {
        spec: {
          ...(pod !== undefined && {
            boundObjectRef: { apiVersion: "v1", kind: "Pod", name: pod, uid: uids.get(pod) },
          }),
          ...more,
        },
      });
    refusedAs(await ask("on-n1"), 403, /node requested token not bound to a pod$/);
    refusedAs(await ask("on-n2", "on-n2"), 403, /cannot create resource "serviceaccounts\/token"/);
    refusedAs(
      await ask("on-n1", "on-n2"),
      403,
      /node requested token bound to a pod scheduled on a different node$/,
    );
    refusedAs(
      await ask("on-n1", "on-n1", { audiences: ["vault"] }),
      403,
      /audience "vault" not found in pod spec volume/,
    );
    refusedAs(
      await ask("on-n1", "on-n1", { audiences: ["a", "b"] }),
      403,
      /node may only request 0 or 1 audiences$/,
    );
  });

  test("a node asks for its own certificates alone, and approves and signs none", async () => {
    for (const signer of ["kubernetes.io/kubelet-serving", "kubernetes.io/kube-apiserver-client-kubelet"]) {
      const own = await as("POST", CSRS, await request("system:node:n1", signer));
      assert.equal(own.code, 201, own.text);
      refusedAs(
        await as("POST", CSRS, await request("system:node:n2", signer)),
        403,
        /can only create a node CSR with CN=system:node:n1$/,
      );
      const path = `${CSRS}/${own.json.metadata?.name}`;
      const approved = {
        status: { conditions: [{ type: "Approved", status: "True", reason: "x", message: "y" }] },
      };
      for (const [at, body] of [
        ["approval", approved],
        ["status", { status: { certificate: "eA==" } }],
      ] as const)
        refusedAs(
          await as("PATCH", `${path}/${at}`, body, MERGE),
          403,
          new RegExp(`cannot patch resource "certificatesigningrequests/${at}"`),
        );
    }
    const masters = await request("system:node:n1", "kubernetes.io/kube-apiserver-client", [
      "system:masters",
    ]);
    refusedAs(await as("POST", CSRS, masters), 403, /system:masters group is not allowed$/);
  });

  test("a node writes leases, CSINodes and slices of its own name alone, and registers nobody else", async () => {
    const LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases";
    const CSI_NODES = "/apis/storage.k8s.io/v1/csinodes";
    for (const [path, body, message] of [
      ["/api/v1/nodes", { metadata: { name: "n3" } }, /node "n1" is not allowed to modify node "n3"$/],
      [
        LEASES,
        { metadata: { name: "n2" }, spec: { holderIdentity: "n1" } },
        /can only access node lease with the same name as the requesting node$/,
      ],
      [
        CSI_NODES,
        { metadata: { name: "n2" }, spec: { drivers: [] } },
        /can only access CSINode with the same name as the requesting node$/,
      ],
      [
        "/apis/resource.k8s.io/v1/resourceslices",
        {
          metadata: { name: "s" },
          spec: {
            nodeName: "n2",
            driver: "d.example.com",
            pool: { name: "p", generation: 1, resourceSliceCount: 1 },
            devices: [],
          },
        },
        /can only create ResourceSlice with the same NodeName as the requesting node$/,
      ],
    ] as const)
      refusedAs(await as("POST", path, body), 403, message, path);
    assert.equal(
      (await as("POST", LEASES, { metadata: { name: "n1" }, spec: { holderIdentity: "n1" } })).code,
      201,
    );
  });

  test("a node that registers gives itself no restricted labels, and another one's name neither", async () => {
    const n3 = await cluster.certificate("system:node:n3", "system:nodes");
    const register = (name: string, labels: object): Promise<Answered> =>
      cluster.send("/api/v1/nodes", {
        method: "POST",
        certificate: n3,
        body: { metadata: { name, labels } },
      });
    refusedAs(
      await register("n3", { "node-restriction.kubernetes.io/a": "b", "node-role.kubernetes.io/x": "" }),
      403,
      /node "n3" is not allowed to set the following labels: node-restriction\.kubernetes\.io\/a, node-role\.kubernetes\.io\/x$/,
    );
    refusedAs(await register("n4", {}), 403, /node "n3" is not allowed to modify node "n4"$/);
    const labels = {
      "kubernetes.io/hostname": "n3",
      "topology.kubernetes.io/zone": "z",
      "example.com/a": "b",
    };
    assert.equal((await register("n3", labels)).code, 201);
  });

  test("the name of a node without its group, and the group without a name, are no node", async () => {
    const nameless = await cluster.certificate("system:node:", "system:nodes");
    const groupless = await cluster.certificate("system:node:n1");
    for (const certificate of [nameless, groupless])
      assert.equal((await cluster.send(NODE, { certificate })).code, 403);
  });
});
