/** Ways around authorization: paths, verbs, headers, and writes that would hand out rights. Each is refused. */
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { Nodes } from "#api/core/v1/node";
import { Pods } from "#api/core/v1/pod";
import { Secrets } from "#api/core/v1/secret";
import { ClusterRoleBindings } from "#api/rbac/v1/clusterrolebinding";
import { ClusterRoles } from "#api/rbac/v1/clusterrole";
import { createApiServer } from "#apiserver";
import { newClient } from "#client";
import { openMemoryStore } from "#storage";
import { createCertificateRequest, type KeyPairPem } from "#component-base/pki";
import { forever, startSecurityServer, type SecurityServer } from "./security-server.ts";

const RBAC = "/apis/rbac.authorization.k8s.io/v1";
const GROUP = "rbac.authorization.k8s.io";

suite("requests", () => {
  let cluster: SecurityServer;
  let jane: KeyPairPem;
  let node: KeyPairPem;

  before(async () => {
    cluster = await startSecurityServer();
    jane = await cluster.certificate("jane", "devs");
    node = await cluster.certificate("system:node:n1", "system:nodes");
    const rules = [
      { apiGroups: [""], resources: ["configmaps"], verbs: ["*"] },
      { apiGroups: [""], resources: ["nodes", "pods", "services"], verbs: ["get"] },
      // reading alone; `create` runs commands
      { apiGroups: [""], resources: ["pods/attach"], verbs: ["get"] },
      { apiGroups: [GROUP], resources: ["*"], verbs: ["create", "update", "patch", "get", "list"] },
      { apiGroups: ["certificates.k8s.io"], resources: ["*"], verbs: ["create", "update", "patch", "get"] },
      { apiGroups: [""], resources: ["serviceaccounts"], verbs: ["get", "create", "update"] },
    ];
    const apiVersion = `${GROUP}/v1`;
    await cluster.admin.create(
      ClusterRoles,
      { apiVersion, kind: "ClusterRole", metadata: { name: "jane" }, rules },
      forever,
    );
    await cluster.admin.create(
      ClusterRoleBindings,
      {
        apiVersion,
        kind: "ClusterRoleBinding",
        metadata: { name: "jane" },
        roleRef: { apiGroup: GROUP, kind: "ClusterRole", name: "jane" },
        subjects: [{ kind: "User", apiGroup: GROUP, name: "jane" }],
      },
      forever,
    );
    await cluster.admin.create(
      Secrets,
      {
        apiVersion: "v1",
        kind: "Secret",
        metadata: { name: "s", namespace: "default" },
        stringData: { a: "hidden" },
      },
      forever,
    );
    for (const name of ["n1", "n2"])
      await cluster.admin.create(Nodes, { apiVersion: "v1", kind: "Node", metadata: { name } }, forever);
    await cluster.admin.create(
      Pods,
      {
        apiVersion: "v1",
        kind: "Pod",
        metadata: { name: "other", namespace: "default" },
        spec: { nodeName: "n2", containers: [{ name: "c", image: "i" }] },
      },
      forever,
    );
  });
  after(() => cluster[Symbol.asyncDispose]());

  for (const path of [
    "/api/v1/namespaces/default/secrets/s",
    "//api/v1/namespaces/default/secrets/s",
    "/api/v1//namespaces/default/secrets/s",
    "/api/v1/namespaces/default/configmaps/../secrets/s",
    "/api/v1/namespaces/default/configmaps/%2e%2e/secrets/s",
    "/api/v1/namespaces/default/configmaps%2f..%2fsecrets/s",
    "/api/v1/namespaces/default/%73ecrets/s",
    "/api/v1/namespaces/default/secrets%2fs",
    "/healthz/../api/v1/namespaces/default/secrets/s",
    "/version/%2e%2e/api/v1/namespaces/default/secrets/s",
    "/openapi/v2/../../api/v1/namespaces/default/secrets/s",
    "/./api/v1/namespaces/default/secrets/s",
    "/api/v1/namespaces/default/secrets/s?dryRun=All",
    "/api/v1/watch/namespaces/default/secrets/s",
    "/api/v1/namespaces/default/secrets?fieldSelector=metadata.name%3Ds",
  ])
    test(`GET ${path} does not show a Secret`, async () => {
      const { code, text } = await cluster.send(path, { certificate: jane });
      assert.ok(code === 403 || code === 404 || code === 400, `${code} ${text}`);
      assert.ok(!text.includes(Buffer.from("hidden").toString("base64")), text);
    });

  for (const [method, path, resource] of [
    ["GET", "/api/v1/nodes/n1/proxy/exec/default/p/c?command=sh", "nodes/proxy"],
    ["POST", "/api/v1/nodes/n1/proxy/run/default/p/c", "nodes/proxy"],
    ["GET", "/api/v1/namespaces/default/pods/other/proxy/", "pods/proxy"],
    ["GET", "/api/v1/namespaces/default/pods/http:other:80/proxy/x", "pods/proxy"],
    ["GET", "/api/v1/namespaces/default/services/kubernetes/proxy/api", "services/proxy"],
    ["GET", "/api/v1/namespaces/default/pods/other/exec?command=sh", "pods/exec"],
    ["POST", "/api/v1/namespaces/default/pods/other/portforward", "pods/portforward"],
  ] as const)
    test(`${method} ${path} needs a right of its own`, async () => {
      const { code, json } = await cluster.send(path, { method, certificate: jane });
      assert.equal(code, 403);
      assert.match(
        json.message ?? "",
        new RegExp(`cannot ${method === "POST" ? "create" : "get"} resource "${resource}"`),
      );
    });

  test("a WebSocket to pods/attach needs `create`, whatever GET may read", async () => {
    const path = "/api/v1/namespaces/default/pods/other/attach?stdout=true";
    const headers = [
      ["connection", "Upgrade"],
      ["upgrade", "websocket"],
      ["sec-websocket-version", "13"],
      ["sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="],
      ["sec-websocket-protocol", "v5.channel.k8s.io"],
    ] as const;
    for (const asked of [{ certificate: jane }, { certificate: jane, headers }]) {
      const { code, json } = await cluster.send(path, asked);
      assert.deepEqual([code, json.message], [403, 'pods "other" is forbidden: ']);
    }
  });

  test("impersonation headers are nothing without the right, whatever their case and number", async () => {
    const lines = [
      [["Impersonate-User", "system:admin"]],
      [
        ["impersonate-user", "jane"],
        ["IMPERSONATE-GROUP", "system:masters"],
      ],
      [
        ["Impersonate-User", "jane"],
        ["Impersonate-Group", "devs"],
        ["Impersonate-Group", "system:masters"],
      ],
      [
        ["Impersonate-User", "jane"],
        ["Impersonate-Uid", "1"],
      ],
      [
        ["Impersonate-User", "jane"],
        ["Impersonate-Extra-Scopes", "all"],
      ],
    ] as const;
    for (const headers of lines) {
      const { code } = await cluster.send("/api/v1/namespaces/default/secrets/s", {
        certificate: jane,
        headers,
      });
      assert.equal(code, 403, JSON.stringify(headers));
    }
    for (const headers of [
      [["Impersonate-Group", "system:masters"]],
      [["Impersonate-Extra-A", "b"]],
    ] as const) {
      const { code } = await cluster.send("/api/v1/namespaces/default/configmaps", {
        certificate: jane,
        headers,
      });
      assert.equal(code, 400);
    }
  });

  const everything = [{ apiGroups: ["*"], resources: ["*"], verbs: ["*"] }];
  const masters = { apiGroup: GROUP, kind: "ClusterRole", name: "cluster-admin" };
  const self = [{ kind: "User", apiGroup: GROUP, name: "jane" }];
  for (const [what, method, path, body] of [
    ["a ClusterRole", "POST", `${RBAC}/clusterroles`, { metadata: { name: "x" }, rules: everything }],
    [
      "a Role",
      "POST",
      `${RBAC}/namespaces/kube-system/roles`,
      { metadata: { name: "x" }, rules: everything },
    ],
    [
      "an aggregated ClusterRole",
      "POST",
      `${RBAC}/clusterroles`,
      { metadata: { name: "x" }, aggregationRule: { clusterRoleSelectors: [{ matchLabels: { a: "b" } }] } },
    ],
    [
      "a ClusterRoleBinding",
      "POST",
      `${RBAC}/clusterrolebindings`,
      { metadata: { name: "x" }, roleRef: masters, subjects: self },
    ],
    [
      "a RoleBinding",
      "POST",
      `${RBAC}/namespaces/kube-system/rolebindings`,
      { metadata: { name: "x" }, roleRef: masters, subjects: self },
    ],
    ["their own role", "PUT", `${RBAC}/clusterroles/jane`, { metadata: { name: "jane" }, rules: everything }],
    ["their own role by a patch", "PATCH", `${RBAC}/clusterroles/jane`, { rules: everything }],
    [
      "a token of an account",
      "POST",
      "/api/v1/namespaces/default/serviceaccounts/default/token",
      { spec: {} },
    ],
    [
      "a Secret with an account's token",
      "POST",
      "/api/v1/namespaces/default/secrets",
      {
        type: "kubernetes.io/service-account-token",
        metadata: { name: "x", annotations: { "kubernetes.io/service-account.name": "default" } },
      },
    ],
    [
      "a bootstrap token",
      "POST",
      "/api/v1/namespaces/kube-system/secrets",
      { type: "bootstrap.kubernetes.io/token", metadata: { name: "bootstrap-token-abcdef" } },
    ],
  ] as const)
    test(`who may write RBAC cannot raise themselves by ${what}`, async () => {
      const contentType = method === "PATCH" ? "application/merge-patch+json" : "application/json";
      const { code, text } = await cluster.send(path, { method, body, contentType, certificate: jane });
      assert.equal(code, 403, text);
    });

  test("who may write CSRs cannot ask for system:masters, nor approve without the signer", async () => {
    const path = "/apis/certificates.k8s.io/v1/certificatesigningrequests";
    const { requestPem } = await createCertificateRequest({
      commonName: "jane",
      organizations: ["system:masters"],
    });
    const spec = {
      request: Buffer.from(requestPem).toString("base64"),
      signerName: "kubernetes.io/kube-apiserver-client",
      usages: ["client auth"],
    };
    const kind = { apiVersion: "certificates.k8s.io/v1", kind: "CertificateSigningRequest" };
    const body = { ...kind, metadata: { name: "m" }, spec };
    assert.equal((await cluster.send(path, { method: "POST", body, certificate: jane })).code, 403);
    const plain = await createCertificateRequest({ commonName: "jane", organizations: ["devs"] });
    const fine = { ...body, spec: { ...spec, request: Buffer.from(plain.requestPem).toString("base64") } };
    assert.equal((await cluster.send(path, { method: "POST", body: fine, certificate: jane })).code, 201);
    const condition = { type: "Approved", status: "True", reason: "x", message: "y" };
    const approved = { ...fine, status: { conditions: [condition] } };
    const { code } = await cluster.send(`${path}/m/approval`, {
      method: "PUT",
      body: approved,
      certificate: jane,
    });
    assert.equal(code, 403);
  });

  for (const [what, method, path, body] of [
    ["another node", "GET", "/api/v1/nodes/n2", undefined],
    ["all nodes", "GET", "/api/v1/nodes", undefined],
    ["all pods", "GET", "/api/v1/pods", undefined],
    ["another node's pods", "GET", "/api/v1/pods?fieldSelector=spec.nodeName%3Dn2", undefined],
    ["a pod elsewhere", "GET", "/api/v1/namespaces/default/pods/other", undefined],
    ["a Secret no pod of it names", "GET", "/api/v1/namespaces/default/secrets/s", undefined],
    ["all Secrets", "GET", "/api/v1/secrets", undefined],
    ["a PersistentVolume of no claim of its pods", "GET", "/api/v1/persistentvolumes/pv", undefined],
    ["all PersistentVolumes", "GET", "/api/v1/persistentvolumes", undefined],
    ["a status of another node", "PATCH", "/api/v1/nodes/n2/status", { status: {} }],
    ["another node's labels", "PATCH", "/api/v1/nodes/n2", { metadata: { labels: { a: "b" } } }],
    [
      "its own taints",
      "PATCH",
      "/api/v1/nodes/n1",
      { spec: { taints: [{ key: "a", effect: "NoSchedule" }] } },
    ],
    [
      "its restricted labels",
      "PATCH",
      "/api/v1/nodes/n1",
      { metadata: { labels: { "node-restriction.kubernetes.io/a": "b" } } },
    ],
    ["its own deletion", "DELETE", "/api/v1/nodes/n1", undefined],
    [
      "a token of an account no pod of it uses",
      "POST",
      "/api/v1/namespaces/default/serviceaccounts/default/token",
      { spec: {} },
    ],
    [
      "a pod that is no mirror",
      "POST",
      "/api/v1/namespaces/default/pods",
      { metadata: { name: "x" }, spec: { nodeName: "n1", containers: [{ name: "c", image: "i" }] } },
    ],
  ] as const)
    test(`a node is refused ${what}`, async () => {
      const contentType = method === "PATCH" ? "application/merge-patch+json" : "application/json";
      const asked = { method, contentType, certificate: node };
      const sent = await cluster.send(path, body === undefined ? asked : { ...asked, body });
      assert.equal(sent.code, 403, sent.text);
    });

  test("a node reads itself and its own pods", async () => {
    for (const path of [
      "/api/v1/nodes/n1",
      "/api/v1/nodes?fieldSelector=metadata.name%3Dn1",
      "/api/v1/pods?fieldSelector=spec.nodeName%3Dn1",
    ])
      assert.equal((await cluster.send(path, { certificate: node })).code, 200, path);
  });

  test("access reviews count selectors, and rules reviews say when they do not know all", async () => {
    const admin = await cluster.certificate("admin", "system:masters");
    const review = async (user: object, resourceAttributes: object): Promise<boolean> => {
      const { json } = await cluster.send("/apis/authorization.k8s.io/v1/subjectaccessreviews", {
        method: "POST",
        certificate: admin,
        body: {
          apiVersion: "authorization.k8s.io/v1",
          kind: "SubjectAccessReview",
          spec: { ...user, resourceAttributes },
        },
      });
      return (json as unknown as { status: { allowed: boolean } }).status.allowed;
    };
    const asNode = { user: "system:node:n1", groups: ["system:nodes"] };
    const list = { verb: "list", resource: "pods", version: "v1" };
    const selected = (name: string): object => ({
      ...list,
      fieldSelector: { requirements: [{ key: "spec.nodeName", operator: "In", values: [name] }] },
    });
    assert.equal(await review(asNode, list), false);
    assert.equal(await review(asNode, selected("n2")), false);
    assert.equal(await review(asNode, selected("n1")), true);
    assert.equal(await review(asNode, { ...list, fieldSelector: { rawSelector: "spec.nodeName=n1" } }), true);
    const { json } = await cluster.send("/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", {
      method: "POST",
      certificate: node,
      body: {
        apiVersion: "authorization.k8s.io/v1",
        kind: "SelfSubjectRulesReview",
        spec: { namespace: "default" },
      },
    });
    const { status } = json as unknown as { status: { incomplete: boolean; evaluationError: string } };
    assert.equal(status.incomplete, true);
    assert.equal(status.evaluationError, "node authorizer does not support user rule resolution");
  });

  test("a server that starts again completes what the bootstrap policy lacks, and keeps what was added", async () => {
    const store = await openMemoryStore();
    const edit = async (change: boolean): Promise<readonly (readonly string[])[]> => {
      await using server = await createApiServer({ store });
      const client = newClient(server.transport(), { userAgent: "test" });
      const found = await client.get(ClusterRoles, { name: "system:discovery" }, forever);
      const own = { verbs: ["get"], nonResourceURLs: ["/own"] };
      if (change) await client.update(ClusterRoles, { ...found, rules: [own] }, forever);
      return (found.rules ?? []).map(({ nonResourceURLs = [] }) => nonResourceURLs);
    };
    const first = await edit(true);
    const second = (await edit(false)).flat();
    assert.deepEqual(second.toSorted(), [...first.flat(), "/own"].toSorted());
    await store.close();
  });
});
