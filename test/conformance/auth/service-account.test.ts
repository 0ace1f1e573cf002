/** ServiceAccounts: their objects, what pods get of them, their tokens, and how others may check those. */
import assert from "node:assert/strict";
import { createLocalJWKSet, jwtVerify, type JSONWebKeySet } from "jose";
import { TokenReviews } from "#api/authentication/v1/tokenreview";
import type { TokenReview } from "#api/authentication/v1/types.gen";
import { ConfigMaps } from "#api/core/v1/configmap";
import { Pods } from "#api/core/v1/pod";
import { ServiceAccounts } from "#api/core/v1/serviceaccount";
import type { Pod, ServiceAccount } from "#api/core/v1/types.gen";
import { isNotFound } from "#apimachinery";
import { conformance, newPod, type ConformanceContext } from "../harness/index.ts";
import { claimsOf, newCaller, requestToken } from "./as-token.ts";

const TOKEN_PATH = "/var/run/secrets/kubernetes.io/serviceaccount";

function newAccount(t: ConformanceContext, name: string, rest: Partial<ServiceAccount> = {}): ServiceAccount {
  const metadata = { name, namespace: t.namespace, ...rest.metadata };
  return { ...rest, apiVersion: "v1", kind: "ServiceAccount", metadata };
}

async function review(
  { client, signal }: ConformanceContext,
  token: string,
  audiences?: readonly string[],
): Promise<NonNullable<TokenReview["status"]>> {
  const asked: TokenReview = {
    apiVersion: "authentication.k8s.io/v1",
    kind: "TokenReview",
    metadata: { name: "" },
    spec: { token, ...(audiences !== undefined && { audiences }) },
  };
  return (await client.create(TokenReviews, asked, signal)).status ?? {};
}

function mountsToken({ spec }: Pod): boolean {
  const { volumes = [], containers = [] } = spec ?? {};
  const mounts = containers.map(({ volumeMounts = [] }) =>
    volumeMounts.some(({ mountPath }) => mountPath === TOKEN_PATH),
  );
  const has = volumes.some(({ projected }) =>
    projected?.sources?.some((source) => "serviceAccountToken" in source),
  );
  assert.ok(
    mounts.every((mount) => mount === has),
    "a volume, and a mount of it in each container",
  );
  return has;
}

conformance("[sig-auth] ServiceAccounts should allow opting out of API token automount", async (t) => {
  const { client, signal } = t;
  const VERDICTS: readonly (readonly [
    account: boolean | undefined,
    pod: boolean | undefined,
    mounts: boolean,
  ])[] = [
    [undefined, undefined, true],
    [undefined, true, true],
    [undefined, false, false],
    [true, undefined, true],
    [true, true, true],
    [true, false, false],
    [false, undefined, false],
    [false, true, true],
    [false, false, false],
  ];
  for (const account of [undefined, true, false]) {
    const says = account === undefined ? {} : { automountServiceAccountToken: account };
    await client.create(ServiceAccounts, newAccount(t, `account-${account}`, says), signal);
  }
  for (const [account, own, expected] of VERDICTS) {
    const pod = newPod(t, `pod-${account}-${own}`);
    const says = own === undefined ? {} : { automountServiceAccountToken: own };
    const spec = { ...pod.spec!, serviceAccountName: `account-${account}`, ...says };
    const made = await client.create(Pods, { ...pod, spec }, signal);
    assert.equal(mountsToken(made), expected, `account ${account}, pod ${own}`);
    assert.equal(made.spec?.serviceAccountName, `account-${account}`);
  }
});

conformance("[sig-auth] ServiceAccounts should run through the lifecycle of a ServiceAccount", async (t) => {
  const { client, signal, namespace, unique } = t;
  const labels = { test: unique };
  const labelSelector = `test=${unique}`;
  const { metadata } = await client.list(ServiceAccounts, { namespace }, signal);
  const watch = t.watch(ServiceAccounts, {
    namespace,
    labelSelector,
    resourceVersion: metadata.resourceVersion!,
  });
  const made = await client.create(
    ServiceAccounts,
    newAccount(t, "robot", { metadata: { name: "robot", namespace, labels } }),
    signal,
  );
  assert.equal((await watch.next()).type, "ADDED");
  const patch = { type: "strategic", body: { automountServiceAccountToken: false } } as const;
  const patched = await client.patch(ServiceAccounts, made.metadata, patch, signal);
  assert.equal(patched.automountServiceAccountToken, false);
  const seen = await watch.until(
    "the patch",
    ({ type, object }) => type === "MODIFIED" && object.automountServiceAccountToken === false,
  );
  assert.equal(seen.type, "MODIFIED");
  const everywhere = await client.list(ServiceAccounts, { labelSelector }, signal);
  assert.deepEqual(
    everywhere.items.map(({ metadata: { name, uid } }) => [name, uid]),
    [["robot", made.metadata.uid]],
  );
  await client.deleteCollection(ServiceAccounts, { namespace, labelSelector }, signal);
  await watch.until("the deletion", ({ type }) => type === "DELETED");
  await assert.rejects(client.get(ServiceAccounts, made.metadata, signal), isNotFound);
});

conformance("[sig-auth] ServiceAccounts should update a ServiceAccount", async (t) => {
  const { client, signal } = t;
  const made = await client.create(
    ServiceAccounts,
    newAccount(t, "robot", { automountServiceAccountToken: false }),
    signal,
  );
  assert.equal(made.automountServiceAccountToken, false);
  const update = { ...made, automountServiceAccountToken: true };
  const updated = await client.update(ServiceAccounts, update, signal);
  assert.equal(updated.automountServiceAccountToken, true);
  assert.equal((await client.get(ServiceAccounts, made.metadata, signal)).automountServiceAccountToken, true);
  await assert.rejects(client.update(ServiceAccounts, update, signal), { reason: "Conflict" });
});

conformance(
  "[sig-auth] ServiceAccounts should guarantee kube-root-ca.crt exist in any namespace",
  async (t) => {
    const { client, signal } = t;
    const { ca } = await newCaller(t);
    for (const namespace of [t.namespace, await t.newNamespace()]) {
      const ref = { namespace, name: "kube-root-ca.crt" };
      const map = await t.waitFor(ConfigMaps, ref, (found) => found !== undefined);
      assert.equal(map.data?.["ca.crt"]?.trim(), ca.trim());
      await client.delete(ConfigMaps, ref, signal);
      const again = await t.waitFor(
        ConfigMaps,
        ref,
        (found) => found !== undefined && found.metadata.uid !== map.metadata.uid,
      );
      assert.deepEqual(again.data, map.data);
      const data = { ...again.data, "ca.crt": "nonsense" };
      const wrong = await client.update(ConfigMaps, { ...again, data }, signal);
      assert.equal(wrong.data?.["ca.crt"], "nonsense");
      await t.waitFor(ConfigMaps, ref, (found) => found?.data?.["ca.crt"] === map.data?.["ca.crt"]);
    }
  },
);

conformance(
  "[sig-auth] ServiceAccounts should create a serviceAccountToken and ensure a successful TokenReview",
  async (t) => {
    const { client, signal, namespace } = t;
    const account = await client.create(ServiceAccounts, newAccount(t, "robot"), signal);
    const { token, expirationTimestamp } = await requestToken(t, "robot", { expirationSeconds: 3_600 });
    const { authenticated, user, error } = await review(t, token);
    assert.deepEqual([authenticated, error], [true, undefined]);
    assert.equal(user?.username, `system:serviceaccount:${namespace}:robot`);
    assert.equal(user.uid, account.metadata.uid);
    assert.deepEqual(user.groups?.toSorted(), [
      "system:authenticated",
      "system:serviceaccounts",
      `system:serviceaccounts:${namespace}`,
    ]);
    const { exp, iat } = claimsOf(token) as { readonly exp: number; readonly iat: number };
    assert.equal(exp - iat, 3_600);
    assert.equal(Date.parse(expirationTimestamp) / 1000, exp);

    const caller = await newCaller(t);
    const path = `/api/v1/namespaces/${namespace}/pods`;
    const listing = await caller.send({ path }, token);
    assert.equal(listing.status, 403, "it is known, and may not do that");
    assert.match(
      listing.text,
      new RegExp(`User \\\\"system:serviceaccount:${namespace}:robot\\\\" cannot list`),
    );

    // For somebody else it is a token for him alone.
    const other = await requestToken(t, "robot", { audiences: ["vault"] });
    assert.equal((await review(t, other.token)).authenticated ?? false, false);
    const asVault = await review(t, other.token, ["vault", "more"]);
    assert.deepEqual([asVault.authenticated, asVault.audiences], [true, ["vault"]]);
    assert.equal((await caller.send({ path }, other.token)).status, 401);

    // One that is bound to a pod goes with the pod; all go with the account.
    const pod = await client.create(
      Pods,
      { ...newPod(t, "p"), spec: { ...newPod(t, "p").spec!, serviceAccountName: "robot" } },
      signal,
    );
    const boundObjectRef = { apiVersion: "v1", kind: "Pod", name: "p", uid: pod.metadata.uid! };
    const bound = await requestToken(t, "robot", { boundObjectRef });
    const known = await review(t, bound.token);
    assert.deepEqual(known.user?.extra?.["authentication.kubernetes.io/pod-name"], ["p"]);
    await client.delete(Pods, pod.metadata, signal, { gracePeriodSeconds: 0 });
    await t.waitGone(Pods, { namespace, name: "p" });
    await client.delete(ServiceAccounts, account.metadata, signal);
    const fresh = await client.create(ServiceAccounts, newAccount(t, "robot"), signal);
    assert.notEqual(fresh.metadata.uid, account.metadata.uid);
    await assert.rejects(requestToken(t, "robot", { boundObjectRef }), isNotFound);
    await assert.rejects(requestToken(t, "nobody"), isNotFound);
    const [head, , signature] = token.split(".");
    const forged = [
      head,
      Buffer.from(JSON.stringify({ ...claimsOf(token), exp: exp + 9_999 })).toString("base64url"),
      signature,
    ];
    assert.equal((await review(t, forged.join("."))).authenticated ?? false, false);
  },
);

conformance(
  "[sig-auth] ServiceAccounts ServiceAccountIssuerDiscovery should support OIDC discovery of service account issuer",
  async (t) => {
    const { namespace } = t;
    await t.client.create(ServiceAccounts, newAccount(t, "robot"), t.signal);
    const { token } = await requestToken(t, "robot", { audiences: ["oidc-discovery-test"] });
    // Every account may read the documents, and nobody else.
    const { token: own } = await requestToken(t, "robot");
    const caller = await newCaller(t);
    const wellKnown = "/.well-known/openid-configuration";
    assert.equal((await caller.send({ path: wellKnown })).status, 403);
    const found = await caller.send({ path: wellKnown }, own);
    assert.equal(found.status, 200, found.text);
    assert.equal(found.headers["content-type"], "application/json");
    const configuration = found.json() as Readonly<Record<string, unknown>>;
    const { issuer, jwks_uri: jwksUri } = configuration as {
      readonly issuer: string;
      readonly jwks_uri: string;
    };
    assert.equal(issuer, claimsOf(token)["iss"]);
    assert.deepEqual(configuration["response_types_supported"], ["id_token"]);
    assert.deepEqual(configuration["subject_types_supported"], ["public"]);
    const keys = await caller.send({ path: new URL(jwksUri).pathname }, own);
    assert.equal(keys.status, 200, keys.text);
    assert.equal(keys.headers["content-type"], "application/jwk-set+json");
    const set = createLocalJWKSet(keys.json() as JSONWebKeySet);
    const { payload, protectedHeader } = await jwtVerify(token, set, {
      issuer,
      audience: "oidc-discovery-test",
    });
    assert.equal(payload.sub, `system:serviceaccount:${namespace}:robot`);
    assert.ok(
      (configuration["id_token_signing_alg_values_supported"] as readonly string[]).includes(
        protectedHeader.alg,
      ),
    );
    await assert.rejects(jwtVerify(token, set, { issuer, audience: "another" }), {
      code: "ERR_JWT_CLAIM_VALIDATION_FAILED",
    });
  },
);
