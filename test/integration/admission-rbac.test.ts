/** Who writes roles, bindings and approvals grants no more than they have. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { systemClock } from "#apimachinery";
import { newSecurity } from "#apiserver";
import {
  createCertificateAuthority,
  createCertificateRequest,
  generateServiceAccountKey,
} from "#component-base/pki";
import { startAdmissionServer, user, type AdmissionServer } from "./admission-server.ts";

const RBAC = "/apis/rbac.authorization.k8s.io/v1";
const CSRS = "/apis/certificates.k8s.io/v1/certificatesigningrequests";
const ALICE = user("alice", "devs");

async function grant(cluster: AdmissionServer, name: string, rules: readonly object[]): Promise<void> {
  await cluster.send("POST", `${RBAC}/clusterroles`, { metadata: { name }, rules });
  const subjects = [{ kind: "User", apiGroup: "rbac.authorization.k8s.io", name: "alice" }];
  const roleRef = { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name };
  await cluster.send("POST", `${RBAC}/clusterrolebindings`, { metadata: { name }, subjects, roleRef });
}

const writeRbac = {
  apiGroups: ["rbac.authorization.k8s.io"],
  resources: ["*"],
  verbs: ["create", "update", "patch", "get"],
};
const readPods = { apiGroups: [""], resources: ["pods"], verbs: ["get", "list"] };
const readSecrets = { apiGroups: [""], resources: ["secrets"], verbs: ["get", "list"] };

const binding = (kind: string, name: string): object => ({
  metadata: { name: `to-${name}` },
  subjects: [{ kind: "User", apiGroup: "rbac.authorization.k8s.io", name: "bob" }],
  roleRef: { apiGroup: "rbac.authorization.k8s.io", kind, name },
});

const request = async (organization: string): Promise<object> => {
  const { requestPem } = await createCertificateRequest({
    commonName: "alice",
    organizations: [organization],
  });
  const spec = {
    request: Buffer.from(requestPem).toString("base64"),
    signerName: "kubernetes.io/kube-apiserver-client",
    usages: ["client auth"],
  };
  return { metadata: { name: organization.replace(":", "-") }, spec };
};

suite("escalation", () => {
  test("a role grants what its writer has, and nothing else", async () => {
    await using cluster = await startAdmissionServer();
    await grant(cluster, "own", [writeRbac, readPods]);
    const roles = `${RBAC}/namespaces/default/roles`;
    await cluster.send("POST", roles, { metadata: { name: "fine" }, rules: [readPods] }, ALICE);
    const refusal = await cluster.refused(
      "POST",
      roles,
      { metadata: { name: "more" }, rules: [readSecrets, readPods] },
      ALICE,
    );
    assert.equal(refusal.code, 403);
    assert.equal(
      refusal.message,
      'roles.rbac.authorization.k8s.io "more" is forbidden: user "alice" (groups=["devs" "system:authenticated"]) is attempting to grant RBAC permissions not currently held:\n{APIGroups:[""], Resources:["secrets"], Verbs:["get" "list"]}',
    );
    const grown = await cluster.refused("PATCH", `${roles}/fine`, { rules: [readSecrets] }, ALICE);
    assert.match(grown.message, /attempting to grant RBAC permissions not currently held/);
    await cluster.send("PATCH", `${roles}/fine`, { metadata: { finalizers: ["a.b/c"] } }, ALICE);
  });

  test("`escalate` and `bind` are permissions of their own", async () => {
    await using cluster = await startAdmissionServer();
    await grant(cluster, "own", [writeRbac, { ...writeRbac, resources: ["roles"], verbs: ["escalate"] }]);
    const roles = `${RBAC}/namespaces/default/roles`;
    await cluster.send("POST", roles, { metadata: { name: "more" }, rules: [readSecrets] }, ALICE);
    const bindings = `${RBAC}/namespaces/default/rolebindings`;
    const refusal = await cluster.refused("POST", bindings, binding("Role", "more"), ALICE);
    assert.match(
      refusal.message,
      /rolebindings.* "to-more" is forbidden: user "alice" .* not currently held/,
    );
    const missing = await cluster.refused("POST", bindings, binding("Role", "nobody"), ALICE);
    assert.equal(missing.code, 404);
    await grant(cluster, "binder", [
      { ...writeRbac, resources: ["roles"], resourceNames: ["more"], verbs: ["bind"] },
    ]);
    await cluster.send("POST", bindings, binding("Role", "more"), ALICE);
    const admin = await cluster.refused("POST", bindings, binding("ClusterRole", "cluster-admin"), ALICE);
    assert.equal(admin.code, 403);
  });

  test("aggregation rules are for who may do everything", async () => {
    await using cluster = await startAdmissionServer();
    await grant(cluster, "own", [writeRbac]);
    const aggregationRule = { clusterRoleSelectors: [{ matchLabels: { a: "b" } }] };
    const role = { metadata: { name: "sum" }, aggregationRule };
    const { message } = await cluster.refused("POST", `${RBAC}/clusterroles`, role, ALICE);
    assert.match(message, /must have cluster-admin privileges to use the aggregationRule$/);
  });
});

suite("certificate requests", () => {
  test("CertificateSubjectRestriction keeps system:masters to itself", async () => {
    await using cluster = await startAdmissionServer();
    const { message, code } = await cluster.refused("POST", CSRS, await request("system:masters"));
    assert.equal(code, 403);
    assert.match(
      message,
      /use of kubernetes\.io\/kube-apiserver-client signer with system:masters group is not allowed$/,
    );
  });

  test("CertificateApproval and CertificateSigning ask for the signer", async () => {
    await using cluster = await startAdmissionServer();
    const csrs = { apiGroups: ["certificates.k8s.io"] };
    const resources = ["certificatesigningrequests/approval", "certificatesigningrequests/status"];
    await grant(cluster, "own", [{ ...csrs, resources, verbs: ["get", "update", "patch"] }]);
    await cluster.send("POST", CSRS, await request("devs"));
    const conditions = [{ type: "Approved", status: "True", reason: "Tested", message: "m" }];
    const approve = [`${CSRS}/devs/approval`, { status: { conditions } }] as const;
    const { message, code } = await cluster.refused("PATCH", ...approve, ALICE);
    assert.equal(code, 403);
    assert.match(
      message,
      /user not permitted to approve requests with signerName "kubernetes\.io\/kube-apiserver-client"$/,
    );
    const { certificatePem } = await createCertificateAuthority("another", systemClock);
    const certificate = Buffer.from(certificatePem).toString("base64");
    const signed = await cluster.refused("PATCH", `${CSRS}/devs/status`, { status: { certificate } }, ALICE);
    assert.match(
      signed.message,
      /user not permitted to sign requests with signerName "kubernetes\.io\/kube-apiserver-client"$/,
    );
    await grant(cluster, "approver", [
      { ...csrs, resources: ["signers"], resourceNames: ["kubernetes.io/*"], verbs: ["approve"] },
    ]);
    await cluster.send("PATCH", ...approve, ALICE);
  });
});

test("the OpenID documents of the issuer are there for service accounts", async () => {
  const issuer = "https://kubernetes.default.svc.cluster.local";
  const { privateKeyPem: serviceAccountKeys } = await generateServiceAccountKey();
  const jwksUri = "https://192.0.2.1:6443/openid/v1/jwks";
  const { routes } = newSecurity({ clock: systemClock, clientCa: "", serviceAccountKeys, issuer, jwksUri });
  await using cluster = await startAdmissionServer({ routes });
  const account = user("system:serviceaccount:default:a", "system:serviceaccounts");
  const configuration = await cluster.send("GET", "/.well-known/openid-configuration", undefined, account);
  assert.equal(configuration["issuer"], issuer);
  assert.equal(configuration["jwks_uri"], jwksUri);
  const { keys } = (await cluster.send("GET", "/openid/v1/jwks", undefined, account)) as unknown as {
    keys: { kid: string; d?: string }[];
  };
  assert.ok(keys[0]!.kid.length > 0);
  assert.equal(keys[0]!.d, undefined);
  assert.equal((await cluster.refused("GET", "/openid/v1/jwks", undefined, user("bob"))).code, 403);
});
