/** Tokens that were good once, or are good elsewhere: each is nobody's. */
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { formatTime } from "#apimachinery";
import { Pods } from "#api/core/v1/pod";
import { Secrets } from "#api/core/v1/secret";
import { ServiceAccounts } from "#api/core/v1/serviceaccount";
import type { TokenRequestSpec, TokenReview } from "#api/authentication/v1/types.gen";
import { generateServiceAccountKey } from "#component-base/pki";
import { openMemoryStore } from "#storage";
import { openAuditLog } from "./audit-log.ts";
import { make, userWith } from "./security-actors.ts";
import { forever, startSecurityServer, type Answered, type SecurityServer } from "./security-server.ts";

const WHOAMI = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
const REVIEWS = "/apis/authentication.k8s.io/v1/tokenreviews";
/** How long the server remembers what a token was worth. */
const REMEMBERED_MS = 10_001;

function whoami(at: SecurityServer, token: string): Promise<Answered> {
  const body = { apiVersion: "authentication.k8s.io/v1", kind: "SelfSubjectReview" };
  return at.send(WHOAMI, { method: "POST", body, token });
}

async function nameOf(at: SecurityServer, token: string): Promise<string | undefined> {
  const { code, json } = await whoami(at, token);
  assert.equal(code, 201);
  return (json as unknown as { status: { userInfo: { username?: string } } }).status.userInfo.username;
}

async function refused(at: SecurityServer, token: string, why: string): Promise<void> {
  const { code, json } = await whoami(at, token);
  assert.deepEqual([code, json.message], [401, "Unauthorized"], why);
}

async function tokenOf(at: SecurityServer, name: string, spec: TokenRequestSpec = {}): Promise<string> {
  const request = { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", metadata: {}, spec };
  const ref = { namespace: "default", name };
  const made = await at.admin.createSubresource(ServiceAccounts, ref, "token", request, forever);
  return (made as { status: { token: string } }).status.token;
}

/** What a TokenReview says of the token, asked by an administrator. */
async function review(
  at: SecurityServer,
  token: string,
  audiences?: readonly string[],
): Promise<TokenReview["status"]> {
  const spec = { token, ...(audiences !== undefined && { audiences }) };
  const { json } = await at.send(REVIEWS, {
    method: "POST",
    body: { apiVersion: "authentication.k8s.io/v1", kind: "TokenReview", spec },
    certificate: await at.certificate("admin", "system:masters"),
  });
  return (json as unknown as TokenReview).status;
}

const newKey = async (): Promise<string> => (await generateServiceAccountKey()).privateKeyPem;

suite("what a token was bound to", () => {
  let cluster: SecurityServer;
  before(async () => {
    cluster = await startSecurityServer();
  });
  after(() => cluster[Symbol.asyncDispose]());

  test("a token ends with its account, and does not come back with another one of its name", async () => {
    await make(cluster, ServiceAccounts, "gone");
    const token = await tokenOf(cluster, "gone");
    assert.equal(await nameOf(cluster, token), "system:serviceaccount:default:gone");
    await cluster.admin.delete(ServiceAccounts, { namespace: "default", name: "gone" }, forever);
    cluster.clock.advance(REMEMBERED_MS);
    await refused(cluster, token, "deleted");
    await make(cluster, ServiceAccounts, "gone");
    cluster.clock.advance(REMEMBERED_MS);
    await refused(cluster, token, "made anew");
    assert.equal((await review(cluster, token))?.authenticated ?? false, false);
    assert.equal(
      await nameOf(cluster, await tokenOf(cluster, "gone")),
      "system:serviceaccount:default:gone",
      "the new one's own",
    );
  });

  test("a token of a legacy Secret does not come back with another Secret of its name", async () => {
    const account = await make(cluster, ServiceAccounts, "old");
    const type = "kubernetes.io/service-account-token";
    const annotations = { "kubernetes.io/service-account.name": "old" };
    const metadata = { name: "old-token", namespace: "default", annotations };
    const first = await make(cluster, Secrets, "old-token", { type, metadata });
    const token = await cluster.signLegacyToken(account, first);
    const ref = { namespace: "default", name: "old-token" };
    const body = { data: { token: Buffer.from(token).toString("base64") } };
    await cluster.admin.patch(Secrets, ref, { type: "merge", body }, forever);
    assert.equal((await whoami(cluster, token)).code, 201);
    await cluster.admin.delete(Secrets, ref, forever);
    cluster.clock.advance(REMEMBERED_MS);
    await refused(cluster, token, "deleted");
    const other = Buffer.from("another").toString("base64");
    await make(cluster, Secrets, "old-token", { type, metadata, data: { token: other } });
    cluster.clock.advance(REMEMBERED_MS);
    await refused(cluster, token, "made anew, with another token");
  });

  test("a token of a pod ends while the pod still goes, a minute after it had to be gone", async () => {
    await make(cluster, ServiceAccounts, "slow");
    await make(cluster, Pods, "slow", {
      metadata: { name: "slow", namespace: "default", finalizers: ["example.com/wait"] },
      spec: { serviceAccountName: "slow", containers: [{ name: "c", image: "i" }] },
    });
    const token = await tokenOf(cluster, "slow", {
      audiences: [],
      boundObjectRef: { apiVersion: "v1", kind: "Pod", name: "slow" },
    });
    await cluster.admin.delete(Pods, { namespace: "default", name: "slow" }, forever, {
      gracePeriodSeconds: 0,
    });
    assert.equal((await whoami(cluster, token)).code, 201);
    cluster.clock.advance(60_000 + REMEMBERED_MS);
    await refused(cluster, token, "still going");
  });
});

suite("bootstrap tokens", () => {
  let cluster: SecurityServer;
  before(async () => {
    cluster = await startSecurityServer({ enableBootstrapTokens: true });
  });
  after(() => cluster[Symbol.asyncDispose]());

  const ref = { namespace: "kube-system", name: "bootstrap-token-abcdef" };
  const write = (key: string, more: Readonly<Record<string, string>> = {}): Promise<unknown> =>
    make(cluster, Secrets, ref.name, {
      metadata: ref,
      type: "bootstrap.kubernetes.io/token",
      stringData: {
        "token-id": "abcdef",
        "token-secret": key,
        "usage-bootstrap-authentication": "true",
        ...more,
      },
    });
  const remove = (): Promise<unknown> => cluster.admin.delete(Secrets, ref, forever);
  const KEY = "0123456789abcdef";
  const TOKEN = `abcdef.${KEY}`;

  test("a bootstrap token ends with its Secret, and is not that of a later one", async () => {
    await write(KEY);
    assert.equal(await nameOf(cluster, TOKEN), "system:bootstrap:abcdef");
    await remove();
    cluster.clock.advance(REMEMBERED_MS);
    await refused(cluster, TOKEN, "deleted");
    await write("fedcba9876543210");
    cluster.clock.advance(REMEMBERED_MS);
    await refused(cluster, TOKEN, "another secret");
    await remove();
  });

  test("a bootstrap token ends when it says, and is none for what it may not be used for", async () => {
    await write(KEY, { expiration: formatTime(cluster.clock.now() + 60_000) });
    assert.equal(await nameOf(cluster, TOKEN), "system:bootstrap:abcdef");
    cluster.clock.advance(60_000 + REMEMBERED_MS);
    await refused(cluster, TOKEN, "expired");
    await remove();
    for (const more of [
      { "usage-bootstrap-authentication": "false" },
      { "auth-extra-groups": "system:masters" },
      { expiration: "soon" },
      { "token-id": "fedcba" },
    ]) {
      // past what the API refuses to store
      await write(KEY, more).catch(() => undefined);
      cluster.clock.advance(REMEMBERED_MS);
      await refused(cluster, TOKEN, JSON.stringify(more));
      await remove().catch(() => undefined);
    }
  });
});

suite("keys and clusters", () => {
  test("a token of a key that was removed is nobody's, though its account is there", async () => {
    const [old, next] = [await newKey(), await newKey()];
    const store = await openMemoryStore();
    const first = await startSecurityServer({ serviceAccountKeys: old }, { store });
    await make(first, ServiceAccounts, "web");
    const token = await tokenOf(first, "web");
    assert.equal((await whoami(first, token)).code, 201);
    await first[Symbol.asyncDispose]();
    const both = { serviceAccountKeys: old, serviceAccountSigningKey: next };
    const second = await startSecurityServer(both, { store });
    assert.equal((await whoami(second, token)).code, 201, "the old key is still believed");
    const later = await tokenOf(second, "web");
    await second[Symbol.asyncDispose]();
    await using third = await startSecurityServer({ serviceAccountKeys: next }, { store });
    await refused(third, token, "the key is gone");
    assert.equal((await review(third, token))?.authenticated ?? false, false);
    assert.equal((await whoami(third, later)).code, 201);
    await third.server.close();
    await store.close();
  });

  test("a token of one cluster is nobody's in another: by key, by issuer, and by the uid of the account", async () => {
    const shared = await newKey();
    await using one = await startSecurityServer({ serviceAccountKeys: shared });
    await make(one, ServiceAccounts, "web");
    const token = await tokenOf(one, "web");
    assert.equal((await whoami(one, token)).code, 201);
    for (const [why, options, message] of [
      ["another key", {}, /./],
      ["another issuer", { serviceAccountKeys: shared, issuer: "https://two.example.com" }, /./],
      ["the same key and issuer, another account", { serviceAccountKeys: shared }, /service account UID/],
    ] as const) {
      await using two = await startSecurityServer(options);
      await make(two, ServiceAccounts, "web");
      await refused(two, token, why);
      const said = await review(two, token);
      assert.equal(said?.authenticated ?? false, false, why);
      assert.match(said?.error ?? "", message, why);
      assert.ok(!JSON.stringify(said).includes(token), why);
    }
  });

  test("a token for another's audience is nobody's here, and one for here is none for the other", async () => {
    await using cluster = await startSecurityServer();
    await make(cluster, ServiceAccounts, "web");
    const vault = await tokenOf(cluster, "web", { audiences: ["vault"] });
    const own = await tokenOf(cluster, "web");
    await refused(cluster, vault, "for the vault");
    assert.equal((await whoami(cluster, own)).code, 201);
    assert.deepEqual((await review(cluster, vault, ["vault"]))?.audiences, ["vault"]);
    for (const [token, audiences] of [
      [own, ["vault"]],
      [vault, ["bank"]],
      [vault, undefined],
    ] as const) {
      const said = await review(cluster, token, audiences);
      assert.deepEqual([said?.authenticated ?? false, said?.user ?? {}], [false, {}]);
    }
  });
});

test("the audit log says who acted as whom, and by which right", async () => {
  await using log = await openAuditLog({ rules: [{ level: "Metadata" }], omitStages: ["RequestReceived"] });
  await using cluster = await startSecurityServer({}, { audit: log.options });
  const authentication = {
    apiGroups: ["authentication.k8s.io"],
    resources: ["users"],
    resourceNames: ["ben"],
  };
  const old = { apiGroups: [""], resources: ["users"], resourceNames: ["ben"] };
  const rules = {
    amy: [{ ...old, verbs: ["impersonate"] }],
    ann: [
      { ...authentication, verbs: ["impersonate:user-info"] },
      { apiGroups: [""], resources: ["pods"], verbs: ["impersonate-on:user-info:list"] },
    ],
  };
  for (const [name, own] of Object.entries(rules)) {
    const certificate = await userWith(cluster, name, own);
    await cluster.send("/api/v1/pods", { certificate, headers: [["Impersonate-User", "ben"]] });
  }
  const events = (await log.events()).filter(({ requestURI }) => requestURI === "/api/v1/pods");
  assert.deepEqual(
    events.map(({ user, impersonatedUser, authenticationMetadata }) => [
      user.username,
      impersonatedUser?.username,
      authenticationMetadata,
    ]),
    [
      ["amy", "ben", undefined],
      ["ann", "ben", { impersonationConstraint: "impersonate:user-info" }],
    ],
  );
});

test("the audit log says which token was given, and which one was used", async () => {
  await using log = await openAuditLog({ rules: [{ level: "Metadata" }], omitStages: ["RequestReceived"] });
  await using cluster = await startSecurityServer({}, { audit: log.options });
  await make(cluster, ServiceAccounts, "web");
  const token = await tokenOf(cluster, "web");
  await whoami(cluster, token);
  const { jti } = JSON.parse(Buffer.from(token.split(".")[1]!, "base64url").toString()) as { jti: string };
  const events = await log.events();
  const given = events.find(({ objectRef }) => objectRef?.["subresource"] === "token");
  assert.equal(given?.annotations?.["authentication.kubernetes.io/issued-credential-id"], `JTI=${jti}`);
  const used = events.find(({ user }) => user.username === "system:serviceaccount:default:web");
  assert.deepEqual(used?.user.extra?.["authentication.kubernetes.io/credential-id"], [`JTI=${jti}`]);
  assert.ok(!(await log.text()).includes(token.split(".")[2]!));
});
