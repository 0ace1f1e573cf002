import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { test } from "node:test";
import { FakeClock } from "#apimachinery";
import { keyUsagesFromStrings } from "./key-usages.ts";
import * as pki from "./index.ts";

const HOUR_MS = 3_600_000;

test("signCertificateRequest signs subject, names and usages as they were requested", async () => {
  const clock = new FakeClock();
  const ca = await pki.createCertificateAuthority("ca", clock);
  const asked = await pki.createCertificateRequest({
    commonName: "system:node:n",
    organizations: ["system:nodes"],
    dnsNames: ["n"],
    ipAddresses: ["10.0.0.1"],
  });
  assert.deepEqual(pki.parseCertificateRequest(asked.requestPem).organizations, ["system:nodes"]);
  const usages = ["digital signature", "client auth", "server auth"];
  const signed = await pki.signCertificateRequest(ca, asked.requestPem, { usages, ttlMs: HOUR_MS }, clock);
  const info = pki.parseCertificate(signed);
  assert.deepEqual(
    [info.commonName, info.organizations, info.dnsNames, info.ipAddresses, info.usages, info.isCa],
    ["system:node:n", ["system:nodes"], ["n"], ["10.0.0.1"], ["server", "client"], false],
  );
  const own = new X509Certificate(signed);
  assert.ok(own.verify(new X509Certificate(ca.certificatePem).publicKey));
  assert.ok(own.checkPrivateKey((await import("node:crypto")).createPrivateKey(asked.privateKeyPem)));
});

for (const { ttlMs, lifeMs, why } of [
  { ttlMs: HOUR_MS, lifeMs: HOUR_MS, why: "short ones keep their whole life" },
  { ttlMs: 24 * HOUR_MS, lifeMs: 24 * HOUR_MS - pki.BACKDATING_MS, why: "long ones lose the backdating" },
  { ttlMs: 99_999 * HOUR_MS, lifeMs: 48 * HOUR_MS, why: "nothing outlives the authority" },
])
  test(`signCertificateRequest: ${why}`, async () => {
    const clock = new FakeClock();
    const ca = await pki.createCertificateAuthority("ca", clock, 48 * HOUR_MS);
    const { requestPem } = await pki.createCertificateRequest({ commonName: "c" });
    const signed = await pki.signCertificateRequest(ca, requestPem, { usages: ["any"], ttlMs }, clock);
    const { notBefore, notAfter } = pki.parseCertificate(signed);
    assert.deepEqual([notBefore, notAfter], [clock.now() - pki.BACKDATING_MS, clock.now() + lifeMs]);
  });

test("signCertificateRequest refuses when the authority has expired, and usages nobody knows", async () => {
  const clock = new FakeClock();
  const ca = await pki.createCertificateAuthority("ca", clock, HOUR_MS);
  const { requestPem } = await pki.createCertificateRequest({ commonName: "c" });
  const sign = (usages: readonly string[]): Promise<string> =>
    pki.signCertificateRequest(ca, requestPem, { usages, ttlMs: HOUR_MS }, clock);
  await assert.rejects(sign(["client auth", "magic"]), /unrecognized usage values: \["magic"\]/);
  clock.advance(HOUR_MS);
  await assert.rejects(sign(["client auth"]), /refusing to sign a certificate that expired in the past/);
  clock.advance(HOUR_MS);
  await assert.rejects(sign(["client auth"]), /the signer has expired/);
});

test("keyUsagesFromStrings adds up flags and lists object identifiers once", () => {
  assert.deepEqual(
    keyUsagesFromStrings(["s/mime", "email protection", "signing", "digital signature", "cert sign"]),
    {
      flags: 1 | 32,
      extended: ["1.3.6.1.5.5.7.3.4"],
    },
  );
});
