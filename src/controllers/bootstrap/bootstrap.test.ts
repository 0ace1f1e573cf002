import assert from "node:assert/strict";
import { test } from "node:test";
import type { ConfigMap, Secret } from "#api/core/v1/types.gen";
import { signClusterInfo } from "./sign-cluster-info.ts";
import { leftMs, signingToken } from "./token-secret.ts";

const NOW = Date.parse("2026-01-01T00:00:00Z");

function secret(values: Readonly<Record<string, string>>, name = "bootstrap-token-abcdef"): Secret {
  const encoded = Object.entries(values).map(([key, value]) => [key, Buffer.from(value).toString("base64")]);
  return {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name, namespace: "kube-system" },
    type: "bootstrap.kubernetes.io/token",
    data: Object.fromEntries(encoded) as Record<string, string>,
  };
}

const TOKEN = {
  "token-id": "abcdef",
  "token-secret": "0123456789abcdef",
  "usage-bootstrap-signing": "true",
};

for (const { what, values, name, want } of [
  { what: "a whole token", values: TOKEN, name: undefined, want: true },
  { what: "another name", values: TOKEN, name: "bootstrap-token-zzzzzz", want: false },
  { what: "no secret", values: { ...TOKEN, "token-secret": "" }, name: undefined, want: false },
  { what: "no such use", values: { ...TOKEN, "usage-bootstrap-signing": "1" }, name: undefined, want: false },
  { what: "its end", values: { ...TOKEN, expiration: "2025-12-31T23:59:59Z" }, name: undefined, want: false },
  {
    what: "time left",
    values: { ...TOKEN, expiration: "2026-01-01T00:00:01Z" },
    name: undefined,
    want: true,
  },
])
  test(`signingToken: ${what}`, () =>
    assert.equal(signingToken(secret(values, name), NOW) !== undefined, want));

test("leftMs takes a time that cannot be read as past", () => {
  assert.equal(leftMs(secret({ expiration: "2026-01-01T00:00:01Z" }), NOW), 1000);
  assert.equal(leftMs(secret({ expiration: "soon" }), NOW), 0);
  assert.equal(leftMs(secret({}), NOW), undefined);
});

const INFO: ConfigMap = {
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name: "cluster-info", namespace: "kube-public" },
  data: { kubeconfig: "content" },
};

test("signClusterInfo adds, renews and removes signatures, and rests when they are right", () => {
  const token = { id: "abcdef", key: "0123456789abcdef" };
  const signed = signClusterInfo(INFO, [token])!;
  const [header, middle, signature] = signed.data!["jws-kubeconfig-abcdef"]!.split(".");
  assert.equal(Buffer.from(header!, "base64url").toString(), '{"alg":"HS256","kid":"abcdef"}');
  assert.equal(middle, "");
  assert.equal(Buffer.from(signature!, "base64url").length, 32);
  assert.equal(signClusterInfo(signed, [token]), undefined);
  const changed = { ...signed, data: { ...signed.data, kubeconfig: "other" } };
  assert.notEqual(
    signClusterInfo(changed, [token])!.data!["jws-kubeconfig-abcdef"],
    signed.data!["jws-kubeconfig-abcdef"],
  );
  assert.deepEqual(signClusterInfo(signed, [])!.data, { kubeconfig: "content" });
  assert.equal(signClusterInfo({ ...INFO, data: {} }, [token]), undefined);
});
