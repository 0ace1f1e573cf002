import assert from "node:assert/strict";
import { test } from "node:test";
import type { ConfigMap, Secret, Volume } from "#api/core/v1/types.gen";
import { testPod } from "../container/testing.ts";
import { type PayloadSources, payloadOf } from "./payload.ts";

const configMap: ConfigMap = {
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name: "cm", namespace: "default" },
  data: { a: "text" },
  binaryData: { b: Buffer.from([0, 255]).toString("base64") },
};
const secret: Secret = {
  apiVersion: "v1",
  kind: "Secret",
  metadata: { name: "s", namespace: "default" },
  data: { pw: Buffer.from("hidden").toString("base64") },
};
const sources: PayloadSources = {
  objects: {
    configMap: async (_, name) => (name === "cm" ? configMap : undefined),
    secret: async (_, name) => (name === "s" ? secret : undefined),
    services: () => [],
  },
  node: { allocatable: {} },
  addresses: { podIPs: [], hostIPs: [] },
  token: async (_, { audience }) => `token for ${audience}`,
  trustBundles: async () => [],
  certificate: (_pod, volume, i) => ({ privateKey: `key of ${volume} ${i}\n`, chain: "chain\n" }),
};
const signal = new AbortController().signal;

async function files(volume: Omit<Volume, "name">, pod = testPod()): Promise<Record<string, string>> {
  const payload = await payloadOf(pod, { name: "v", ...volume }, sources, signal);
  return Object.fromEntries(
    [...payload!].map(([path, { data, mode }]) => [
      path,
      `${Buffer.from(data).toString("latin1")} ${mode.toString(8)}`,
    ]),
  );
}

test("payloadOf() gives all keys of a configMap", async () => {
  assert.deepEqual(await files({ configMap: { name: "cm" } }), { a: "text 644", b: "\u0000\u00ff 644" });
});

test("payloadOf() gives chosen keys with their paths and modes", async () => {
  const items = [{ key: "pw", path: "x/y", mode: 0o400 }];
  assert.deepEqual(await files({ secret: { secretName: "s", items } }), { "x/y": "hidden 400" });
});

test("payloadOf() refuses what is missing, unless it is optional", async () => {
  await assert.rejects(files({ configMap: { name: "no" } }), /^Error: configmap "no" not found$/u);
  await assert.rejects(
    files({ secret: { secretName: "s", items: [{ key: "no", path: "p" }] } }),
    /non-existent secret key: no/u,
  );
  assert.deepEqual(await files({ configMap: { name: "no", optional: true } }), {});
});

test("payloadOf() never leaves the volume", async () => {
  for (const path of ["../x", "/x", "a/../../x"]) {
    await assert.rejects(files({ configMap: { name: "cm", items: [{ key: "a", path }] } }), /invalid path/u);
  }
});

test("payloadOf() projects tokens, configMaps and fields into one folder", async () => {
  const projected = {
    defaultMode: 0o640,
    sources: [
      { serviceAccountToken: { path: "token", audience: "x" } },
      { configMap: { name: "cm", items: [{ key: "a", path: "ca.crt" }] } },
      { downwardAPI: { items: [{ path: "namespace", fieldRef: { fieldPath: "metadata.namespace" } }] } },
    ],
  };
  const want = { token: "token for x 640", "ca.crt": "text 640", namespace: "default 640" };
  assert.deepEqual(await files({ projected }), want);
  const owned = testPod({ securityContext: { fsGroup: 7 } });
  assert.equal((await files({ projected }, owned))["token"], "token for x 600");
});

test("payloadOf() projects key and certificates together, or each in its own file", async () => {
  const both = { signerName: "a.b/c", keyType: "ED25519", credentialBundlePath: "all.pem" };
  const apart = { ...both, credentialBundlePath: "", keyPath: "key.pem", certificateChainPath: "chain.pem" };
  const projected = { sources: [{ podCertificate: both }, { podCertificate: apart }], defaultMode: 0o640 };
  const payload = await payloadOf(testPod(), { name: "v", projected }, sources, signal);
  const texts = [...payload!].map(([path, { data, mode }]) => [path, Buffer.from(data).toString(), mode]);
  assert.deepEqual(texts, [
    ["all.pem", "key of v 0\nchain\n", 0o640],
    ["key.pem", "key of v 1\n", 0o640],
    ["chain.pem", "chain\n", 0o640],
  ]);
});
