import assert from "node:assert/strict";
import { test } from "node:test";
import type { PodCertificateProjection } from "../core/v1/types.gen.ts";
import { validatePodCertificateProjection } from "./pod-certificate-projection.ts";

const right: PodCertificateProjection = {
  signerName: "example.com/pods",
  keyType: "ED25519",
  maxExpirationSeconds: 91 * 24 * 3600,
  credentialBundlePath: "bundle.pem",
  userAnnotations: { "Example.com/Path": "anything at all" },
};

function causesOf(change: Partial<PodCertificateProjection>): readonly string[] {
  return validatePodCertificateProjection({ ...right, ...change }, "at", () => []).map(
    ({ field, message }) => `${field}: ${message}`,
  );
}

test("validatePodCertificateProjection accepts every key type, and a quarter of a year at most", () => {
  for (const keyType of ["RSA3072", "RSA4096", "ECDSAP256", "ECDSAP384", "ECDSAP521", "ED25519"])
    assert.deepEqual(causesOf({ keyType }), []);
  assert.deepEqual(causesOf({ maxExpirationSeconds: 91 * 24 * 3600 + 1 }), [
    "at.maxExpirationSeconds: Invalid value: 7862401: if provided, maxExpirationSeconds must be <= 7862400",
  ]);
  assert.deepEqual(
    causesOf({ signerName: "kubernetes.io/kube-apiserver-client-pod", maxExpirationSeconds: 86_401 }),
    ["at.maxExpirationSeconds: Invalid value: 86401: if provided, maxExpirationSeconds must be <= 86400"],
  );
});

test("validatePodCertificateProjection says what is wrong", () => {
  assert.deepEqual(
    causesOf({ keyType: "RSA2048", userAnnotations: { path: "x" }, credentialBundlePath: "" }),
    [
      'at.userAnnotations: Invalid value: "path": must be a domain-prefixed key (such as "acme.io/foo")',
      'at.keyType: Unsupported value: "RSA2048": supported values: "RSA3072", "RSA4096", "ECDSAP256", "ECDSAP384", "ECDSAP521", "ED25519"',
      "at: Required value: specify at least one of credentialBundlePath, keyPath, and certificateChainPath",
    ],
  );
  assert.deepEqual(causesOf({ keyPath: "../key" }), [
    "at.keyPath: Invalid value: \"../key\": must not contain '..'",
  ]);
});
