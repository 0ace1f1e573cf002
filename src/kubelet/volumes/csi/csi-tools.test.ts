import assert from "node:assert/strict";
import { test } from "node:test";
import { RuntimeError } from "#cri";
import type { CSIDriver } from "#api/storage/v1/types.gen";
import { testPod } from "../../container/testing.ts";
import { type CsiTools, isFinalError, secretData, tokenAttributes } from "./csi-tools.ts";

const signal = new AbortController().signal;

const entry = async (_: unknown, { audience }: { audience?: string }) => ({
  token: `for ${audience}`,
  expiresAtMs: 3_600_000,
  renewAtMs: 0,
});

test("tokenAttributes() holds a token for each audience that the driver asks for", async () => {
  const tools = { tokens: { entry } } as unknown as CsiTools;
  const object: CSIDriver = {
    apiVersion: "storage.k8s.io/v1",
    kind: "CSIDriver",
    metadata: { name: "d" },
    spec: { tokenRequests: [{ audience: "vault" }, { audience: "" }] },
  };
  const attributes = await tokenAttributes(tools, testPod(), object, signal);
  assert.deepEqual(JSON.parse(attributes["csi.storage.k8s.io/serviceAccount.tokens"] ?? ""), {
    vault: { token: "for vault", expirationTimestamp: "1970-01-01T01:00:00Z" },
    "": { token: "for ", expirationTimestamp: "1970-01-01T01:00:00Z" },
  });
  assert.deepEqual(await tokenAttributes(tools, testPod(), undefined, signal), {});
});

const get = async (_: unknown, { name }: { name: string }) => {
  if (name !== "s") throw new Error("gone");
  return { data: { user: Buffer.from("me").toString("base64") } };
};

test("secretData() decodes the secret, and says which field named a missing one", async () => {
  const tools = { client: { get } } as unknown as CsiTools;
  const ref = { namespace: "n", name: "s" };
  assert.deepEqual(await secretData(tools, ref, "NodeStageSecretRef", signal), { user: "me" });
  await assert.rejects(secretData(tools, { ...ref, name: "x" }, "NodeStageSecretRef", signal), {
    message: "fetching NodeStageSecretRef n/x failed: gone",
  });
});

test("isFinalError() is false while the driver may still be at it", () => {
  const codes = ["Internal", "InvalidArgument", "DeadlineExceeded", "Unavailable", "Aborted"] as const;
  assert.deepEqual(
    codes.map((code) => isFinalError(new RuntimeError(code, ""))),
    [true, true, false, false, false],
  );
  assert.equal(isFinalError(new Error("before the call")), false);
});
