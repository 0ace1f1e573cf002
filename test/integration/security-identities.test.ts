/** Nobody becomes somebody else: by tokens, by certificates, or by acting as others. */
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import type { KubeObject } from "#apimachinery";
import { CertificateSigningRequests } from "#api/certificates/v1/certificatesigningrequest";
import { Namespaces } from "#api/core/v1/namespace";
import { Pods } from "#api/core/v1/pod";
import { Secrets } from "#api/core/v1/secret";
import { ServiceAccounts } from "#api/core/v1/serviceaccount";
import { createCertificateRequest, type CertificateSubject, type KeyPairPem } from "#component-base/pki";
import { make, RBAC_GROUP, refusedAs, userWith } from "./security-actors.ts";
import { forever, startSecurityServer, type Answered, type SecurityServer } from "./security-server.ts";

const CSRS = "/apis/certificates.k8s.io/v1/certificatesigningrequests";
const IN_DEFAULT = "/api/v1/namespaces/default";
const WHOAMI = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
const APPLY = "application/apply-patch+yaml";
const MERGE = "application/merge-patch+json";
const STRATEGIC = "application/strategic-merge-patch+json";

let cluster: SecurityServer;

before(async () => {
  cluster = await startSecurityServer();
  await make(cluster, Namespaces, "theirs");
});
after(() => cluster[Symbol.asyncDispose]());

const bound = (name: string): object => ({ boundObjectRef: { apiVersion: "v1", kind: "Pod", name } });

suite("tokens", () => {
  let tess: KeyPairPem;
  before(async () => {
    for (const name of ["own", "admin"]) await make(cluster, ServiceAccounts, name);
    await make(cluster, ServiceAccounts, "own", {}, "theirs");
    for (const account of ["own", "admin"])
      await make(cluster, Pods, `of-${account}`, {
        spec: { serviceAccountName: account, containers: [{ name: "c", image: "i" }] },
      });
    const core = { apiGroups: [""] };
    tess = await userWith(
      cluster,
      "tess",
      [
        { ...core, resources: ["serviceaccounts/token"], resourceNames: ["own"], verbs: ["create"] },
        { ...core, resources: ["secrets"], verbs: ["create", "update", "patch", "get"] },
        { ...core, resources: ["serviceaccounts"], verbs: ["get", "create", "update", "patch"] },
      ],
      "default",
    );
  });

  const ask = (path: string, spec: object = {}, metadata: object = {}): Promise<Answered> =>
    cluster.send(path, { method: "POST", certificate: tess, body: { metadata, spec } });

  test("who may ask for one account's tokens gets them, and those of no other", async () => {
    assert.equal((await ask(`${IN_DEFAULT}/serviceaccounts/own/token`)).code, 201);
    for (const path of [
      `${IN_DEFAULT}/serviceaccounts/admin/token`,
      `${IN_DEFAULT}/serviceaccounts/admin/token?dryRun=All`,
      "/api/v1/namespaces/theirs/serviceaccounts/own/token",
    ])
      refusedAs(await ask(path), 403, /User "tess" cannot create resource "serviceaccounts\/token"/, path);
  });

  test("what the body names is not believed, nor a pod of another account", async () => {
    const path = `${IN_DEFAULT}/serviceaccounts/own/token`;
    for (const [metadata, message] of [
      [
        { name: "admin" },
        /metadata\.name: Invalid value: "admin": must match the service account name if specified$/,
      ],
      [
        { namespace: "theirs" },
        /metadata\.namespace: Invalid value: "theirs": must match the service account namespace/,
      ],
    ] as const)
      refusedAs(await ask(path, {}, metadata), 422, message);
    refusedAs(
      await ask(path, {}, { uid: "another" }),
      409,
      /the UID in the token request \(another\) does not match the UID of the service account/,
    );
    refusedAs(
      await ask(path, bound("of-admin")),
      400,
      /^cannot bind token for serviceaccount "own" to pod running with different serviceaccount name\.$/,
    );
    assert.equal((await ask(path, bound("of-own"))).code, 201);
    const stale = { boundObjectRef: { apiVersion: "v1", kind: "Pod", name: "of-own", uid: "another" } };
    refusedAs(
      await ask(path, stale),
      409,
      /the UID in the bound object reference \(another\) does not match the UID in record/,
    );
  });

  test("a Secret does not turn into one with an account's token, and one of a missing annotation is none", async () => {
    await make(cluster, Secrets, "plain");
    const type = "kubernetes.io/service-account-token";
    const annotations = { "kubernetes.io/service-account.name": "admin" };
    const asked = { method: "PATCH", certificate: tess, body: { type, metadata: { annotations } } };
    for (const contentType of [MERGE, STRATEGIC])
      refusedAs(
        await cluster.send(`${IN_DEFAULT}/secrets/plain`, { ...asked, contentType }),
        422,
        /type: Invalid value: "kubernetes.io\/service-account-token": field is immutable/,
      );
    const { code } = await cluster.send(`${IN_DEFAULT}/secrets`, {
      method: "POST",
      certificate: tess,
      body: { type, metadata: { name: "none" } },
    });
    assert.equal(code, 422);
  });
});

const stored = (name: string) => cluster.admin.get(CertificateSigningRequests, { name }, forever);

suite("certificate requests", () => {
  let carl: KeyPairPem;
  let signer: KeyPairPem;
  let count = 0;
  const certificates = { apiGroups: ["certificates.k8s.io"] };
  const SIGNER = "kubernetes.io/kube-apiserver-client";

  before(async () => {
    const requests = { ...certificates, resources: ["certificatesigningrequests"] };
    const all = ["create", "get", "update", "patch"];
    const sub = ["certificatesigningrequests/approval", "certificatesigningrequests/status"];
    carl = await userWith(cluster, "carl", [
      { ...requests, verbs: all },
      { ...requests, resources: sub, verbs: ["update", "patch"] },
    ]);
    signer = await userWith(cluster, "signer", [
      { ...requests, verbs: all },
      { ...requests, resources: sub, verbs: ["update", "patch"] },
      { ...requests, resources: ["signers"], resourceNames: [SIGNER], verbs: ["sign"] },
    ]);
  });

  async function bodyOf(subject: CertificateSubject, spec: object = {}): Promise<KubeObject> {
    const { requestPem } = await createCertificateRequest(subject);
    const request = Buffer.from(requestPem).toString("base64");
    return {
      apiVersion: "certificates.k8s.io/v1",
      kind: "CertificateSigningRequest",
      metadata: { name: `csr-${count++}` },
      spec: { request, signerName: SIGNER, usages: ["client auth"], ...spec },
    } as KubeObject;
  }

  const post = (body: unknown, certificate = carl): Promise<Answered> =>
    cluster.send(CSRS, { method: "POST", body, certificate });
  const approved = [{ type: "Approved", status: "True", reason: "x", message: "y" }];

  test("who asked is whom the server knows, whatever the request says", async () => {
    const forged = { username: "admin", uid: "0", groups: ["system:masters"], extra: { a: ["b"] } };
    const body = await bodyOf({ commonName: "carl" }, forged);
    const sent = await post({ ...body, status: { conditions: approved, certificate: "eA==" } });
    assert.equal(sent.code, 201, sent.text);
    const { spec, status } = await stored(body.metadata.name);
    assert.deepEqual(
      [spec.username, spec.uid, spec.groups, spec.extra?.["a"]],
      ["carl", undefined, ["system:authenticated"], undefined],
    );
    assert.deepEqual([status?.conditions, status?.certificate], [undefined, undefined]);
  });

  test("what was asked for stays what it was, by every way to write it", async () => {
    const body = await bodyOf({ commonName: "carl" });
    const name = body.metadata.name;
    await post(body);
    const { spec } = await stored(name);
    const other = await bodyOf(
      { commonName: "boss" },
      { signerName: "example.com/mine", usages: ["any"], username: "boss" },
    );
    for (const [method, contentType, query] of [
      ["PUT", undefined, ""],
      ["PATCH", MERGE, ""],
      ["PATCH", APPLY, "?fieldManager=carl&force=true"],
    ] as const)
      for (const at of ["", "/status"]) {
        const change =
          method === "PATCH" && contentType === MERGE
            ? { spec: other["spec" as keyof KubeObject] }
            : { ...other, metadata: { name } };
        const asked = { method, certificate: carl, body: change, ...(contentType && { contentType }) };
        const { code } = await cluster.send(`${CSRS}/${name}${at}${query}`, asked);
        assert.ok([200, 403, 422].includes(code), `${method} ${at} ${code}`);
        assert.deepEqual((await stored(name)).spec, spec, `${method} ${contentType} ${at}`);
      }
    const { status, metadata } = await stored(name);
    assert.deepEqual([status?.conditions, metadata.name], [undefined, name]);
  });

  test("who may sign does not approve: neither by /approval, nor by /status, nor by the request itself", async () => {
    const body = await bodyOf({ commonName: "carl" });
    const path = `${CSRS}/${body.metadata.name}`;
    await post(body);
    for (const contentType of [MERGE, APPLY]) {
      const change =
        contentType === APPLY
          ? { apiVersion: body.apiVersion, kind: body.kind, metadata: body.metadata }
          : {};
      const asked = {
        method: "PATCH",
        certificate: signer,
        contentType,
        body: { ...change, status: { conditions: approved } },
      };
      const query = contentType === APPLY ? "?fieldManager=s" : "";
      refusedAs(
        await cluster.send(`${path}/approval${query}`, asked),
        403,
        /user not permitted to approve requests with signerName "kubernetes\.io\/kube-apiserver-client"$/,
      );
      refusedAs(
        await cluster.send(`${path}/status${query}`, asked),
        422,
        /updates may not add a condition of type "Approved"/,
      );
      await cluster.send(`${path}${query}`, asked);
    }
    assert.deepEqual((await stored(body.metadata.name)).status?.conditions ?? [], []);
  });

  test("a verdict is neither taken back nor contradicted, and a certificate not written by who may not sign", async () => {
    const body = await bodyOf({ commonName: "carl" });
    const name = body.metadata.name;
    await post(body);
    const admin = await cluster.certificate("admin", "system:masters");
    const patch = (at: string, status: object, certificate: KeyPairPem): Promise<Answered> =>
      cluster.send(`${CSRS}/${name}/${at}`, {
        method: "PATCH",
        contentType: MERGE,
        body: { status },
        certificate,
      });
    assert.equal((await patch("approval", { conditions: approved }, admin)).code, 200);
    const denied = { ...approved[0], type: "Denied" };
    refusedAs(
      await patch("approval", { conditions: [...approved, denied] }, admin),
      422,
      /Approved and Denied conditions are mutually exclusive/,
    );
    refusedAs(
      await patch("approval", { conditions: [] }, admin),
      422,
      /updates may not remove a condition of type "Approved"/,
    );
    const certificate = Buffer.from(carl.certificatePem).toString("base64");
    refusedAs(
      await patch("status", { certificate }, carl),
      403,
      /user not permitted to sign requests with signerName "kubernetes\.io\/kube-apiserver-client"$/,
    );
    assert.equal((await patch("status", { certificate }, signer)).code, 200);
    refusedAs(
      await patch("status", { certificate: Buffer.from(signer.certificatePem).toString("base64") }, signer),
      422,
      /updates may not modify existing certificate content$/,
    );
  });

  test("nobody asks for a certificate of system:masters, by any way that makes a request", async () => {
    for (const [method, contentType, query] of [
      ["POST", undefined, ""],
      ["POST", undefined, "?dryRun=All"],
      ["PATCH", APPLY, "?fieldManager=carl"],
    ] as const) {
      const body = await bodyOf({ commonName: "carl", organizations: ["devs", "system:masters"] });
      const path = method === "POST" ? CSRS : `${CSRS}/${body.metadata.name}`;
      const asked = { method, certificate: carl, body, ...(contentType && { contentType }) };
      refusedAs(
        await cluster.send(`${path}${query}`, asked),
        403,
        /use of kubernetes\.io\/kube-apiserver-client signer with system:masters group is not allowed$/,
      );
    }
  });
});

const impersonate = (resource: string, ...resourceNames: string[]): object => ({
  apiGroups: [""],
  resources: [resource],
  resourceNames,
  verbs: ["impersonate"],
});

const as = (certificate: KeyPairPem, ...names: readonly string[]) => ({
  certificate,
  headers: names.map((name) => ["Impersonate-User", name] as const),
});

suite("acting as others", () => {
  let amy: KeyPairPem;
  let boss: KeyPairPem;
  before(async () => {
    const secrets = { apiGroups: [""], resources: ["secrets"], verbs: ["list"] };
    amy = await userWith(cluster, "amy", [
      impersonate("users", "ben", "system:node:n1"),
      impersonate("serviceaccounts", "robot"),
    ]);
    await userWith(cluster, "ben", [
      impersonate("users", "cal"),
      { apiGroups: [RBAC_GROUP], resources: ["clusterroles"], verbs: ["create"] },
    ]);
    await userWith(cluster, "cal", [secrets]);
    boss = await userWith(cluster, "boss", [{ apiGroups: ["*"], resources: ["*"], verbs: ["*"] }]);
  });

  const SECRETS = "/api/v1/secrets";
  test("whoever may act as one who may act as another, may not act as the other", async () => {
    refusedAs(
      await cluster.send(SECRETS, as(amy, "ben")),
      403,
      /^secrets is forbidden: User "ben" cannot list/,
    );
    refusedAs(
      await cluster.send(SECRETS, as(amy, "cal")),
      403,
      /^secrets is forbidden: User "amy" cannot impersonate-on:user-info:list resource "secrets" in API group "" at the cluster scope$/,
    );
    for (const names of [
      ["ben", "cal"],
      ["cal", "ben"],
    ])
      assert.equal((await cluster.send(SECRETS, as(amy, ...names))).code, 403, names.join());
  });

  test("who acts as another has that one's name, and neither the groups of their certificate nor their own", async () => {
    const body = { apiVersion: "authentication.k8s.io/v1", kind: "SelfSubjectReview" };
    const whoami = async (name: string): Promise<unknown> => {
      const { json } = await cluster.send(WHOAMI, { method: "POST", body, ...as(amy, name) });
      return (json as unknown as { status: { userInfo: object } }).status.userInfo;
    };
    assert.deepEqual(await whoami("ben"), { username: "ben", groups: ["system:authenticated"] });
    assert.deepEqual(await whoami("system:serviceaccount:default:robot"), {
      username: "system:serviceaccount:default:robot",
      groups: ["system:serviceaccounts", "system:serviceaccounts:default", "system:authenticated"],
    });
    // a node is one by its group, which Amy may not give
    assert.equal((await cluster.send("/api/v1/nodes/n1", as(amy, "system:node:n1"))).code, 403);
    const wider = {
      ...as(amy, "system:node:n1"),
      headers: [
        ["Impersonate-User", "system:node:n1"],
        ["Impersonate-Group", "system:nodes"],
      ] as const,
    };
    refusedAs(await cluster.send("/api/v1/nodes/n1", wider), 403, /cannot impersonate resource "groups"/);
  });

  test("what is granted as another is judged by that other's rights", async () => {
    const path = "/apis/rbac.authorization.k8s.io/v1/clusterroles";
    const body = {
      metadata: { name: "from-ben" },
      rules: [{ apiGroups: [""], resources: ["secrets"], verbs: ["list"] }],
    };
    refusedAs(
      await cluster.send(path, { method: "POST", body, ...as(boss, "ben") }),
      403,
      /user "ben" \(groups=\["system:authenticated"\]\) is attempting to grant RBAC permissions not currently held/,
    );
    assert.equal((await cluster.send(path, { method: "POST", body, certificate: boss })).code, 201);
  });
});
