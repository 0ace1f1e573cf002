/** Tokens and certificates that are not good: each is refused with 401, and says nothing of why. */
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { SignJWT } from "jose";
import { createPrivateKey } from "node:crypto";
import { systemClock, type Kind, type KubeObject } from "#apimachinery";
import { Nodes } from "#api/core/v1/node";
import { Pods } from "#api/core/v1/pod";
import { Secrets } from "#api/core/v1/secret";
import { ServiceAccounts } from "#api/core/v1/serviceaccount";
import type { Pod, Secret, ServiceAccount } from "#api/core/v1/types.gen";
import type { TokenReview } from "#api/authentication/v1/types.gen";
import { createCertificateAuthority, generateServiceAccountKey, issueCertificate } from "#component-base/pki";
import { forever, ISSUER, startSecurityServer, type SecurityServer } from "./security-server.ts";

const WHOAMI = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
const REVIEWS = "/apis/authentication.k8s.io/v1/tokenreviews";
const review = { apiVersion: "authentication.k8s.io/v1", kind: "SelfSubjectReview" };

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");

suite("tokens", () => {
  let cluster: SecurityServer;
  let account: ServiceAccount;

  before(async () => {
    cluster = await startSecurityServer();
    account = await cluster.admin.create(
      ServiceAccounts,
      { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "web", namespace: "default" } },
      forever,
    );
  });
  after(() => cluster[Symbol.asyncDispose]());

  const whoami = (token: string) => cluster.send(WHOAMI, { method: "POST", body: review, token });
  const refused = async (token: string): Promise<void> => {
    const { code, json } = await whoami(token);
    assert.equal(code, 401);
    assert.equal(json.message, "Unauthorized");
  };
  const claims = (): Record<string, unknown> => {
    const now = Math.floor(cluster.clock.now() / 1_000);
    return {
      iss: ISSUER,
      aud: [ISSUER],
      iat: now,
      nbf: now,
      exp: now + 600,
      sub: "system:serviceaccount:default:web",
      "kubernetes.io": { namespace: "default", serviceaccount: { name: "web", uid: account.metadata.uid } },
    };
  };
  const sign = (payload: Record<string, unknown>, pem = cluster.signingKey): Promise<string> =>
    new SignJWT(payload).setProtectedHeader({ alg: "ES256" }).sign(createPrivateKey(pem));
  const request = async (spec: object): Promise<string> => {
    const made = await cluster.admin.createSubresource(
      ServiceAccounts,
      { namespace: "default", name: "web" },
      "token",
      { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", metadata: {}, spec },
      forever,
    );
    return (made as { status: { token: string } }).status.token;
  };

  test("a token that is as it should be is accepted", async () => {
    assert.equal((await whoami(await sign(claims()))).code, 201);
  });

  const now = (): number => Math.floor(cluster.clock.now() / 1_000);
  for (const [what, more] of [
    ["has expired", () => ({ exp: now() - 61 })],
    ["is not valid yet", () => ({ nbf: now() + 120, iat: now() + 120 })],
    ["is for another audience", () => ({ aud: ["vault"] })],
    ["is of another issuer", () => ({ iss: "https://elsewhere.example.com" })],
    ["names another subject than its claims", () => ({ sub: "system:serviceaccount:kube-system:admin" })],
    ["has a time that is none", () => ({ exp: "never" })],
  ] as const)
    test(`a token that ${what} is refused`, async () => refused(await sign({ ...claims(), ...more() })));

  test("alg none, a tampered payload, a foreign key and a confused algorithm are refused", async () => {
    const [head, , signature] = (await sign(claims())).split(".");
    await refused(`${encode({ alg: "none" })}.${encode(claims())}.`);
    await refused(`${encode({ alg: "none" })}.${encode(claims())}.${signature}`);
    const master = {
      ...claims(),
      "kubernetes.io": { namespace: "kube-system", serviceaccount: { name: "a" } },
    };
    await refused(`${head}.${encode(master)}.${signature}`);
    await refused(await sign(claims(), (await generateServiceAccountKey()).privateKeyPem));
    const secret = new TextEncoder().encode(cluster.signingKey);
    await refused(await new SignJWT(claims()).setProtectedHeader({ alg: "HS256" }).sign(secret));
    await refused("garbage");
  });

  test("a token is refused when the pod it is bound to is gone, or is another one of its name", async () => {
    const pod: Pod = {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "p", namespace: "default" },
      spec: { serviceAccountName: "web", containers: [{ name: "c", image: "i" }] },
    };
    await cluster.admin.create(Pods, pod, forever);
    const boundObjectRef = { apiVersion: "v1", kind: "Pod", name: "p" };
    const token = await request({ boundObjectRef });
    assert.equal((await whoami(token)).code, 201);
    await cluster.admin.delete(Pods, { namespace: "default", name: "p" }, forever, { gracePeriodSeconds: 0 });
    cluster.clock.advance(10_001);
    await refused(token);
    await cluster.admin.create(Pods, pod, forever);
    cluster.clock.advance(10_001);
    await refused(token);
  });

  for (const [kind, metadata] of [
    ["Secret", { name: "s", namespace: "default" }],
    ["Node", { name: "n" }],
  ] as const) {
    test(`a token is refused when the ${kind} it is bound to is gone, or is another one of its name`, async () => {
      const owner = (kind === "Secret" ? Secrets : Nodes) as unknown as Kind;
      const object: KubeObject = { apiVersion: "v1", kind, metadata };
      await cluster.admin.create(owner, object, forever);
      const token = await request({ boundObjectRef: { apiVersion: "v1", kind, name: metadata.name } });
      assert.equal((await whoami(token)).code, 201);
      await cluster.admin.delete(owner, metadata, forever);
      cluster.clock.advance(10_001);
      await refused(token);
      await cluster.admin.create(owner, object, forever);
      cluster.clock.advance(10_001);
      await refused(token);
    });
  }

  test("a TokenReview tells audiences and what is wrong; its sender's own token does not have to be good for them", async () => {
    const admin = await cluster.certificate("admin", "system:masters");
    const ask = async (token: string, audiences?: readonly string[]): Promise<TokenReview["status"]> => {
      const body = {
        apiVersion: "authentication.k8s.io/v1",
        kind: "TokenReview",
        spec: { token, audiences },
      };
      const { json } = await cluster.send(REVIEWS, { method: "POST", body, certificate: admin });
      return (json as unknown as TokenReview).status;
    };
    const vault = await request({ audiences: ["vault", "x"] });
    assert.deepEqual((await ask(vault, ["vault", "other"]))?.audiences, ["vault"]);
    assert.match(
      (await ask(vault))?.error ?? "",
      /token audiences \["vault" "x"\] is invalid for the target/,
    );
    const expired = await sign({ ...claims(), exp: now() - 100 });
    assert.equal((await ask(expired))?.error, "service account token has expired");
  });

  test("a legacy token counts while its Secret has it, is marked used, and not when it was marked invalid", async () => {
    const name = "legacy";
    const annotations = { "kubernetes.io/service-account.name": "web" };
    const secret: Secret = {
      apiVersion: "v1",
      kind: "Secret",
      type: "kubernetes.io/service-account-token",
      metadata: { name, namespace: "default", annotations },
    };
    const created = await cluster.admin.create(Secrets, secret, forever);
    const token = await cluster.signLegacyToken(account, created);
    await refused(token);
    const data = { token: Buffer.from(token).toString("base64") };
    const ref = { namespace: "default", name };
    await cluster.admin.patch(Secrets, ref, { type: "merge", body: { data } }, forever);
    cluster.clock.advance(10_001);
    assert.equal((await whoami(token)).code, 201);
    const { metadata } = await cluster.admin.get(Secrets, ref, forever);
    assert.match(metadata.labels?.["kubernetes.io/legacy-token-last-used"] ?? "", /^\d{4}-\d\d-\d\d$/);
    const labels = { "kubernetes.io/legacy-token-invalid-since": "2026-01-01" };
    await cluster.admin.patch(Secrets, ref, { type: "merge", body: { metadata: { labels } } }, forever);
    cluster.clock.advance(10_001);
    await refused(token);
    await cluster.admin.delete(Secrets, ref, forever);
    cluster.clock.advance(10_001);
    await refused(token);
  });

  test("a certificate of another authority, or an expired one, is nobody's, and no reason to be anonymous", async () => {
    const foreign = await createCertificateAuthority("kubernetes", systemClock);
    const admin = { commonName: "admin", organizations: ["system:masters"], usages: ["client"] } as const;
    const certificates = [
      await issueCertificate(foreign, admin, systemClock),
      await cluster.expiredCertificate("admin", "system:masters"),
    ];
    const token = await request({ expirationSeconds: 600 });
    for (const certificate of certificates) {
      for (const path of ["/api/v1/secrets", "/version"]) {
        const { code, json } = await cluster.send(path, { certificate });
        assert.deepEqual([code, json.message], [401, "Unauthorized"], path);
      }
      const asked = { method: "POST", body: review, token, certificate };
      assert.equal((await cluster.send(WHOAMI, asked)).code, 201, "a good token counts next to it");
    }
    assert.equal((await cluster.send("/version")).code, 200);
  });

  test("the server checks tokens of an older key while a newer one signs, and publishes both", async () => {
    const next = (await generateServiceAccountKey()).privateKeyPem;
    const old = (await generateServiceAccountKey()).privateKeyPem;
    await using rotated = await startSecurityServer({
      serviceAccountKeys: old,
      serviceAccountSigningKey: next,
      issuer: ISSUER,
      acceptedIssuers: ["https://old.example.com"],
    });
    const made = await rotated.admin.create(
      ServiceAccounts,
      { ...account, metadata: { name: "web", namespace: "default" } },
      forever,
    );
    const at = Math.floor(rotated.clock.now() / 1_000);
    const payload = {
      ...claims(),
      iat: at,
      nbf: at,
      exp: at + 600,
      iss: "https://old.example.com",
      "kubernetes.io": { namespace: "default", serviceaccount: { name: "web", uid: made.metadata.uid } },
    };
    for (const key of [old, next]) {
      const token = await sign(payload, key);
      assert.equal((await rotated.send(WHOAMI, { method: "POST", body: review, token })).code, 201);
    }
    const certificate = await rotated.certificate("admin", "system:masters");
    const { json } = await rotated.send("/openid/v1/jwks", { certificate });
    assert.equal((json as unknown as { keys: unknown[] }).keys.length, 2);
  });
});
