import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { createServer, request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { TLSSocket } from "node:tls";
import { FakeClock, systemClock } from "#apimachinery";
import * as pki from "./index.ts";

test("createCertificateAuthority makes an authority that is valid from five minutes ago", async () => {
  const clock = new FakeClock();
  const ca = await pki.createCertificateAuthority("kubernetes-ca", clock);
  const info = pki.parseCertificate(ca.certificatePem);
  assert.equal(info.commonName, "kubernetes-ca");
  assert.equal(info.isCa, true);
  assert.equal(info.notBefore, clock.now() - pki.BACKDATING_MS);
  assert.equal(info.notAfter, clock.now() + 3650 * 86_400_000);
  const again = await pki.loadCertificateAuthority(ca);
  assert.equal(again.certificate.serialNumber, ca.certificate.serialNumber);
  const other = await pki.createCertificateAuthority("other", clock);
  await assert.rejects(
    pki.loadCertificateAuthority({ ...ca, privateKeyPem: other.privateKeyPem }),
    /the key is not the certificate's/,
  );
});

test("issueCertificate writes subject, names, usages and an end within the authority's", async () => {
  const clock = new FakeClock();
  const ca = await pki.createCertificateAuthority("ca", clock, 10_000_000);
  const subject = {
    commonName: "system:node:n1",
    organizations: ["system:nodes", "a,b"],
    dnsNames: ["n1"],
    ipAddresses: ["10.0.0.1", "fd00::1"],
  };
  const pair = await pki.issueCertificate(ca, { ...subject, usages: ["server", "client"] }, clock);
  const info = pki.parseCertificate(pair.certificatePem);
  assert.deepEqual(
    {
      commonName: info.commonName,
      organizations: info.organizations,
      dnsNames: info.dnsNames,
      ipAddresses: info.ipAddresses,
    },
    subject,
  );
  assert.deepEqual(info.usages, ["server", "client"]);
  assert.equal(info.isCa, false);
  assert.equal(info.issuer, "ca");
  assert.equal(info.notAfter, clock.now() + 10_000_000);
  assert.equal(pki.remainingMs(pair.certificatePem, clock), 10_000_000);
  assert.equal(await pki.isIssuedBy(pair.certificatePem, ca.certificatePem, clock), true);
  const stranger = await pki.createCertificateAuthority("ca", clock);
  assert.equal(await pki.isIssuedBy(pair.certificatePem, stranger.certificatePem, clock), false);
  clock.advance(10_000_001_000);
  assert.equal(await pki.isIssuedBy(pair.certificatePem, ca.certificatePem, clock), false);
  await assert.rejects(pki.loadCertificateAuthority(pair), /may not sign others/);
});

test("certificates carry mutual TLS", async () => {
  const ca = await pki.createCertificateAuthority("ca", systemClock);
  const serverPair = await pki.issueCertificate(
    ca,
    { commonName: "kube-apiserver", dnsNames: ["localhost"], ipAddresses: ["127.0.0.1"], usages: ["server"] },
    systemClock,
  );
  const clientPair = await pki.issueCertificate(
    ca,
    { commonName: "admin", organizations: ["system:masters"], usages: ["client"] },
    systemClock,
  );
  const server = createServer(
    {
      key: serverPair.privateKeyPem,
      cert: serverPair.certificatePem,
      ca: ca.certificatePem,
      requestCert: true,
      rejectUnauthorized: true,
    },
    (req, res) => {
      const peer = (req.socket as TLSSocket).getPeerX509Certificate();
      res.end(pki.parseCertificate(new Uint8Array(peer!.raw)).commonName);
    },
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  try {
    const body = await new Promise<string>((resolve, reject) => {
      request(
        {
          host: "127.0.0.1",
          port,
          ca: ca.certificatePem,
          key: clientPair.privateKeyPem,
          cert: clientPair.certificatePem,
          agent: false,
        },
        (res) => {
          let text = "";
          res
            .setEncoding("utf8")
            .on("data", (part: string) => (text += part))
            .on("end", () => resolve(text));
        },
      )
        .on("error", reject)
        .end();
    });
    assert.equal(body, "admin");
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
});

test("ensureKeyPair writes once, privately, and whole", async () => {
  const directory = await mkdtemp(join(tmpdir(), "k8ts-pki-"));
  try {
    const paths = { certificate: join(directory, "a/tls.crt"), privateKey: join(directory, "a/tls.key") };
    const ca = await pki.createCertificateAuthority("ca", systemClock);
    assert.deepEqual(
      await pki.ensureKeyPair(
        paths,
        () => true,
        async () => ca,
      ),
      ca,
    );
    const kept = await pki.ensureKeyPair(
      paths,
      () => true,
      () => Promise.reject(new Error("not needed")),
    );
    assert.deepEqual(kept, { certificatePem: ca.certificatePem, privateKeyPem: ca.privateKeyPem });
    assert.equal((await stat(paths.privateKey)).mode & 0o777, 0o600);
    assert.deepEqual((await readdir(join(directory, "a"))).toSorted(), ["tls.crt", "tls.key"]);
    const next = await pki.createCertificateAuthority("ca", systemClock);
    await pki.ensureKeyPair(
      paths,
      () => false,
      async () => next,
    );
    assert.equal(await readFile(paths.certificate, "utf8"), next.certificatePem);
  } finally {
    await rm(directory, { recursive: true });
  }
});

test("loadServiceAccountKey derives the key ID and JWK from the public key", async () => {
  const key = await pki.generateServiceAccountKey();
  const again = await pki.loadServiceAccountKey(key.privateKeyPem);
  assert.equal(again.keyId, key.keyId);
  assert.equal(key.algorithm, "ES256");
  assert.deepEqual(Object.keys(key.jwk).toSorted(), ["alg", "crv", "kid", "kty", "use", "x", "y"]);
  const rsa = generateKeyPairSync("rsa", {
    modulusLength: 2048,
    privateKeyEncoding: { type: "pkcs1", format: "pem" },
    publicKeyEncoding: { type: "spki", format: "pem" },
  });
  const old = await pki.loadServiceAccountKey(rsa.privateKey);
  assert.equal(old.algorithm, "RS256");
  assert.equal(old.publicKeyPem.trim(), rsa.publicKey.trim());
  const sec1 = generateKeyPairSync("ec", {
    namedCurve: "P-256",
    privateKeyEncoding: { type: "sec1", format: "pem" },
    publicKeyEncoding: { type: "spki", format: "pem" },
  });
  assert.equal((await pki.loadServiceAccountKey(sec1.privateKey)).publicKeyPem.trim(), sec1.publicKey.trim());
  await assert.rejects(pki.loadServiceAccountKey("no key"), /reading a private key: not a PEM block/);
});
