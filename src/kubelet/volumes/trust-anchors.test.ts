import assert from "node:assert/strict";
import { test } from "node:test";
import type { ClusterTrustBundle } from "#api/certificates/v1/types.gen";
import type { ClusterTrustBundleProjection } from "#api/core/v1/types.gen";
import { trustAnchors } from "./trust-anchors.ts";

const SIGNER = "example.com/a";

function block(content: string): string {
  return `-----BEGIN CERTIFICATE-----\n${Buffer.from(content).toString("base64")}\n-----END CERTIFICATE-----\n`;
}

function bundle(name: string, anchors: readonly string[], signerName = "", alive = ""): ClusterTrustBundle {
  const metadata = { name, labels: alive === "" ? {} : { alive } };
  const trustBundle = `# prose\n${anchors.map(block).join("and more\n")}`;
  const spec = { trustBundle, ...(signerName !== "" && { signerName }) };
  return { apiVersion: "certificates.k8s.io/v1", kind: "ClusterTrustBundle", metadata, spec };
}

const BUNDLES = [
  bundle("one", ["a", "b"]),
  bundle("example.com:a:x", ["a", "c"], SIGNER, "yes"),
  bundle("example.com:a:y", ["c", "d"], SIGNER),
  bundle("example.com:b:x", ["e"], "example.com/b", "yes"),
];

test("trustAnchors() gives each anchor of what is named once", () => {
  const TABLE: readonly (readonly [Omit<ClusterTrustBundleProjection, "path">, readonly string[]])[] = [
    [{ name: "one" }, ["a", "b"]],
    [{ name: "none", optional: true }, []],
    [{ signerName: SIGNER, labelSelector: {} }, ["a", "c", "d"]],
    [{ signerName: SIGNER, labelSelector: { matchLabels: { alive: "yes" } } }, ["a", "c"]],
    [{ signerName: SIGNER, optional: true }, []],
  ];
  for (const [projection, anchors] of TABLE) {
    const given = trustAnchors({ path: "p", ...projection }, BUNDLES);
    assert.equal(given, anchors.map(block).join(""), JSON.stringify(projection));
  }
});

test("trustAnchors() says what it did not find", () => {
  const zero = { message: "combination of signerName and labelSelector matched zero ClusterTrustBundles" };
  assert.throws(() => trustAnchors({ path: "p", signerName: SIGNER }, BUNDLES), zero);
  assert.throws(() => trustAnchors({ path: "p", name: "none" }, BUNDLES), {
    message: 'while getting ClusterTrustBundle: clustertrustbundle.certificates.k8s.io "none" not found',
  });
  assert.throws(() => trustAnchors({ path: "p" }, BUNDLES), /requires either name or signerName/);
});
