import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeJwt, decodeProtectedHeader } from "jose";
import { FakeClock, type KubeObject } from "#apimachinery";
import type { TokenRequestInfo } from "../../registry/token-issuer.ts";
import { jsonWebKeySet, openIdConfiguration } from "./discovery.ts";
import { generateSigningKey, loadSigningKeys } from "./signing-key.ts";
import { boundTokenValidator, type BoundObjectLookup } from "./bound-tokens.ts";
import { issuedTokens } from "./token-authenticator.ts";
import { serviceAccountTokenIssuer } from "./token-issuer.ts";

const issuer = "https://kubernetes.default.svc.cluster.local";
const keys = loadSigningKeys(generateSigningKey());
const signal = new AbortController().signal;
const object = (name: string, uid: string, deletionTimestamp?: string): Pick<KubeObject, "metadata"> => ({
  metadata: { name, uid, ...(deletionTimestamp !== undefined && { deletionTimestamp }) },
});
const everything: BoundObjectLookup = {
  serviceAccount: (_, name) => object(name, "sa-uid"),
  pod: (_, name) => object(name, "pod-uid"),
  secret: (_, name) => object(name, "secret-uid"),
  node: (name) => object(name, "node-uid"),
};
const request: TokenRequestInfo = {
  namespace: "default",
  serviceAccount: { name: "web", uid: "sa-uid" },
  audiences: [issuer],
  expirationSeconds: 600,
  boundObject: { kind: "Pod", name: "web-1", uid: "pod-uid" },
  node: { name: "n1", uid: "node-uid" },
};

function parts(clock = new FakeClock(), lookup: Partial<BoundObjectLookup> = {}) {
  const tokens = issuedTokens({
    keys,
    issuers: [issuer],
    apiAudiences: [issuer],
    validate: boundTokenValidator({ lookup: { ...everything, ...lookup }, clock }),
  });
  const tokenIssuer = serviceAccountTokenIssuer({ keys, issuer, clock, newId: () => "id-1" });
  return {
    clock,
    issue: (asked: TokenRequestInfo) => tokenIssuer.issue(asked),
    authenticate: (token: string, audiences?: string[]) => tokens.authenticateToken(token, signal, audiences),
  };
}

const isRefused = (error: unknown): boolean => error instanceof Error && error.message !== "";

test("serviceAccountTokenIssuer() issues tokens in upstream's layout", async () => {
  const { clock, issue } = parts();
  const { token, expiresAt } = await issue(request);
  const now = clock.now() / 1_000;
  assert.equal(expiresAt, clock.now() + 600_000);
  assert.deepEqual(decodeProtectedHeader(token), { alg: "ES256", kid: keys[0]!.kid });
  assert.deepEqual(decodeJwt(token), {
    aud: [issuer],
    exp: now + 600,
    iat: now,
    iss: issuer,
    jti: "id-1",
    "kubernetes.io": {
      namespace: "default",
      node: { name: "n1", uid: "node-uid" },
      pod: { name: "web-1", uid: "pod-uid" },
      serviceaccount: { name: "web", uid: "sa-uid" },
    },
    nbf: now,
    sub: "system:serviceaccount:default:web",
  });
});

test("serviceAccountTokenIssuer() spares old clients: what kubelet asks for lives a year and warns", async () => {
  const { clock, issue } = parts();
  const { token, expiresAt } = await issue({ ...request, expirationSeconds: 3_607 });
  const claims = decodeJwt(token);
  assert.equal(expiresAt, clock.now() + 3_607_000);
  assert.equal(claims.exp, clock.now() / 1_000 + 365 * 86_400);
  assert.equal((claims["kubernetes.io"] as { warnafter: number }).warnafter, expiresAt / 1_000);
});

test("issuedTokens() knows the user behind a token", async () => {
  const { issue, authenticate } = parts();
  const { token } = await issue(request);
  assert.deepEqual((await authenticate(token))?.user, {
    name: "system:serviceaccount:default:web",
    uid: "sa-uid",
    groups: ["system:serviceaccounts", "system:serviceaccounts:default", "system:authenticated"],
    extra: {
      "authentication.kubernetes.io/credential-id": ["JTI=id-1"],
      "authentication.kubernetes.io/node-name": ["n1"],
      "authentication.kubernetes.io/node-uid": ["node-uid"],
      "authentication.kubernetes.io/pod-name": ["web-1"],
      "authentication.kubernetes.io/pod-uid": ["pod-uid"],
    },
  });
});

test("issuedTokens() refuses tokens that have expired, are for others, or were signed by others", async () => {
  const { clock, issue, authenticate } = parts();
  const { token } = await issue(request);
  await assert.rejects(authenticate(token, ["vault"]), isRefused);
  const forged = await serviceAccountTokenIssuer({
    keys: loadSigningKeys(generateSigningKey()),
    issuer,
    clock,
  }).issue(request);
  await assert.rejects(authenticate(forged.token), isRefused);
  const [head, body] = token.split(".");
  await assert.rejects(authenticate(`${head}.${body}.AAAA`), isRefused);
  const unsigned = `${Buffer.from('{"alg":"none"}').toString("base64url")}.${body}.`;
  await assert.rejects(authenticate(unsigned), isRefused);
  clock.advance(661_000);
  await assert.rejects(authenticate(token), /has expired/);
});

test("issuedTokens() leaves other issuers' tokens and other strings to others", async () => {
  const { clock, authenticate } = parts();
  const other = await serviceAccountTokenIssuer({ keys, issuer: "https://elsewhere", clock }).issue(request);
  assert.equal(await authenticate(other.token), undefined);
  assert.equal(await authenticate("not-a-jwt"), undefined);
});

const gone: readonly [string, Partial<BoundObjectLookup>][] = [
  ["the service account is gone", { serviceAccount: () => undefined }],
  ["the service account is a new one", { serviceAccount: (_, name) => object(name, "other") }],
  ["the pod is gone", { pod: () => undefined }],
  ["the pod is a new one", { pod: (_, name) => object(name, "other") }],
  ["the pod was deleted long ago", { pod: (_, name) => object(name, "pod-uid", "2025-12-31T23:58:00Z") }],
];
for (const [name, lookup] of gone)
  test(`issuedTokens() refuses a token when ${name}`, async () => {
    const { issue, authenticate } = parts(new FakeClock(), lookup);
    await assert.rejects(authenticate((await issue(request)).token), isRefused);
  });

test("issuedTokens() still accepts the token of a pod that is being deleted", async () => {
  const { issue, authenticate } = parts(new FakeClock(), {
    pod: () => object("web-1", "pod-uid", "2026-01-01T00:00:00Z"),
  });
  assert.ok(await authenticate((await issue(request)).token));
});

test("openIdConfiguration() and jsonWebKeySet() publish how to check tokens, and no private part", () => {
  assert.deepEqual(openIdConfiguration(issuer, keys), {
    issuer,
    jwks_uri: `${issuer}/openid/v1/jwks`,
    response_types_supported: ["id_token"],
    subject_types_supported: ["public"],
    id_token_signing_alg_values_supported: ["ES256"],
  });
  const [key] = jsonWebKeySet(keys).keys;
  assert.deepEqual(Object.keys(key!).toSorted(), ["alg", "crv", "kid", "kty", "use", "x", "y"]);
});
