import assert from "node:assert/strict";
import { test } from "node:test";
import type { ClusterTrustBundleProjection } from "../core/v1/types.gen.ts";
import { validateTrustBundleProjection } from "./trust-bundle-projection.ts";

const TABLE: readonly (readonly [ClusterTrustBundleProjection, readonly string[]])[] = [
  [{ name: "plain", path: "p" }, []],
  [{ name: "example.com:signer:v1", path: "p" }, []],
  [{ signerName: "example.com/signer", labelSelector: {}, path: "a/b" }, []],
  [{ name: "", path: "p" }, ["at.name", "at.name"]],
  [{ name: "a:B", path: "p" }, ["at.name"]],
  [{ name: "plain", labelSelector: {}, path: "p" }, ["at.labelSelector"]],
  [{ name: "plain", signerName: "example.com/signer", path: "p" }, ["at"]],
  [{ path: "p" }, ["at"]],
  [{ signerName: "signer", path: "p" }, ["at.signerName"]],
  [
    { signerName: "example.com/signer", labelSelector: { matchLabels: { "-": "" } }, path: "p" },
    ["at.labelSelector.matchLabels"],
  ],
  [{ name: "plain", path: "" }, ["at.path"]],
  [{ name: "plain", path: "../x" }, ["at.path"]],
];

test("validateTrustBundleProjection() takes a name or a signer, and a path in the volume", () => {
  for (const [source, wanted] of TABLE) {
    const causes = validateTrustBundleProjection(source, "at");
    assert.deepEqual(
      causes.map((cause) => cause.field),
      wanted,
      JSON.stringify(source),
    );
  }
});
