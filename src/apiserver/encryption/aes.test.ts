import assert from "node:assert/strict";
import { createCipheriv } from "node:crypto";
import { test } from "node:test";
import { aesCbc, aesGcm } from "./aes.ts";
import { identity, prefixTransformers } from "./transformer.ts";

const value = Buffer.from(`{"kind":"Secret","data":{"a":"b"}}`);

for (const bytes of [16, 24, 32]) {
  test(`aesGcm() and aesCbc() give back what they stored with a key of ${bytes} bytes`, () => {
    for (const make of [aesGcm, aesCbc]) {
      const transformer = make(Buffer.alloc(bytes, 7));
      const stored = transformer.toStorage(value, "/key");
      assert.ok(!stored.includes("Secret"));
      assert.deepEqual(transformer.fromStorage(stored, "/key").value, value);
      assert.notDeepEqual(transformer.toStorage(value, "/key"), stored);
    }
  });
}

test("aesGcm() reads nonce, ciphertext and tag in Go's order", () => {
  const [key, nonce] = [Buffer.alloc(32, 1), Buffer.alloc(12, 2)];
  const cipher = createCipheriv("aes-256-gcm", key, nonce).setAAD(Buffer.from("/k"));
  const sealed = Buffer.concat([nonce, cipher.update(value), cipher.final(), cipher.getAuthTag()]);
  assert.deepEqual(aesGcm(key).fromStorage(sealed, "/k").value, value);
});

test("aesGcm() notices another key of the store, a changed byte and another secret", () => {
  const gcm = aesGcm(Buffer.alloc(32, 1));
  const stored = gcm.toStorage(value, "/a");
  const changed = Buffer.from(stored);
  changed[20]! ^= 1;
  const failed = /message authentication failed/;
  assert.throws(() => gcm.fromStorage(stored, "/b"), failed);
  assert.throws(() => gcm.fromStorage(changed, "/a"), failed);
  assert.throws(() => aesGcm(Buffer.alloc(32, 2)).fromStorage(stored, "/a"), failed);
  assert.throws(() => gcm.fromStorage(stored.subarray(0, 5), "/a"), /shorter than the required size/);
});

test("prefixTransformers() writes with the first, reads with all, and tells what is stale", () => {
  const old = { prefix: "k8s:enc:aesgcm:v1:old:", transformer: aesGcm(Buffer.alloc(32, 1)) };
  const now = { prefix: "k8s:enc:aesgcm:v1:new:", transformer: aesGcm(Buffer.alloc(32, 2)) };
  const plain = { prefix: "", transformer: identity };
  const options = { noMatch: "no matching prefix found" };
  const written = prefixTransformers([old], options).toStorage(value, "/a");
  const rotating = prefixTransformers([now, old, plain], options);
  assert.deepEqual(rotating.fromStorage(written, "/a"), { value, isStale: true });
  assert.deepEqual(rotating.fromStorage(value, "/a"), { value, isStale: true });
  assert.equal(rotating.fromStorage(rotating.toStorage(value, "/a"), "/a").isStale, false);
  const leaving = prefixTransformers([plain, old], options);
  assert.deepEqual(leaving.toStorage(value, "/a"), value);
  assert.deepEqual(leaving.fromStorage(written, "/a"), { value, isStale: true });
  assert.throws(
    () => prefixTransformers([now], options).fromStorage(written, "/a"),
    /no matching prefix found/,
  );
});
