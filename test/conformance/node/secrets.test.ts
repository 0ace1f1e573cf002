/** Secrets as objects. */
import assert from "node:assert/strict";
import { Secrets } from "#api/core/v1/secret";
import type { Secret } from "#api/core/v1/types.gen";
import { isInvalid, isNotFound } from "#apimachinery";
import { conformance, type ConformanceContext } from "../harness/index.ts";

function newSecret(t: ConformanceContext, name: string, stringData: Secret["stringData"] = {}): Secret {
  const metadata = { name, namespace: t.namespace, labels: { "made-by": t.unique } };
  return { apiVersion: "v1", kind: "Secret", metadata, stringData };
}

function base64(text: string): string {
  return Buffer.from(text).toString("base64");
}

conformance(
  "[sig-node] Secrets should fail to create secret due to empty secret key",
  { containers: true },
  async (t) => {
    const { client, signal, namespace } = t;
    for (const field of ["data", "stringData"] as const) {
      const secret = { ...newSecret(t, "keys"), [field]: { "": base64("value") } };
      await assert.rejects(client.create(Secrets, secret, signal), (err) => {
        assert.ok(isInvalid(err), String(err));
        assert.match(String(err), /data\[\]: Invalid value: ""/);
        return true;
      });
    }
    await assert.rejects(client.get(Secrets, { namespace, name: "keys" }, signal), isNotFound);
  },
);

conformance("[sig-node] Secrets should patch a secret", { containers: true }, async (t) => {
  const { client, signal, namespace, unique } = t;
  const labelSelector = `made-by=${unique}`;
  const made = await client.create(Secrets, newSecret(t, "keys", { a: "one", b: "two" }), signal);
  assert.deepEqual(made.data, { a: base64("one"), b: base64("two") });
  assert.equal(made.type, "Opaque");
  assert.equal(made.stringData, undefined, "stringData is write-only");
  await client.create(Secrets, { ...newSecret(t, "other"), metadata: { name: "other", namespace } }, signal);
  const { items } = await client.list(Secrets, { labelSelector }, signal);
  assert.deepEqual(
    items.map(({ metadata }) => metadata.name),
    ["keys"],
  );
  const body = { metadata: { labels: { patched: "yes" } }, data: { a: base64("patched") } };
  const patched = await client.patch(Secrets, made.metadata, { type: "strategic", body }, signal);
  assert.deepEqual(patched.data, { a: base64("patched"), b: base64("two") });
  const found = await client.list(Secrets, { labelSelector: `${labelSelector},patched=yes` }, signal);
  assert.deepEqual(found.items[0]?.data, patched.data);
  await client.deleteCollection(Secrets, { namespace, labelSelector }, signal);
  await assert.rejects(client.get(Secrets, made.metadata, signal), isNotFound);
  assert.equal((await client.get(Secrets, { namespace, name: "other" }, signal)).metadata.name, "other");
});
