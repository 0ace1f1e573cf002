import assert from "node:assert/strict";
import { createPrivateKey, createPublicKey } from "node:crypto";
import { test } from "node:test";
import { createBareRequest } from "./bare-request.ts";
import { Pkcs10CertificateRequest } from "./x509.ts";

for (const [keyType, asymmetricKeyType] of [
  ["RSA3072", "rsa"],
  ["ECDSAP256", "ec"],
  ["ECDSAP384", "ec"],
  ["ECDSAP521", "ec"],
  ["ED25519", "ed25519"],
] as const)
  test(`createBareRequest(${keyType}) proves a key, and says nothing else`, async () => {
    const { privateKeyPem, request } = await createBareRequest(keyType);
    const parsed = new Pkcs10CertificateRequest(Buffer.from(request, "base64"));
    assert.ok(await parsed.verify());
    assert.equal(parsed.subject, "");
    const key = createPrivateKey(privateKeyPem);
    assert.equal(key.asymmetricKeyType, asymmetricKeyType);
    const spki = createPublicKey(key).export({ format: "der", type: "spki" });
    assert.deepEqual(Buffer.from(parsed.publicKey.rawData), spki);
  });

test("createBareRequest refuses key types that nobody knows", () =>
  assert.rejects(createBareRequest("RSA1024"), /unknown key type "RSA1024"/));
