import assert from "node:assert/strict";
import { before, test } from "node:test";
import { FakeClock, reasonOf } from "#apimachinery";
import { createCertificateAuthority, issueCertificate, type CertificateAuthority } from "#component-base/pki";
import { clientCertificate } from "./client-certificate.ts";

const clock = new FakeClock();
const signal = new AbortController().signal;
let ca: CertificateAuthority;
before(async () => {
  ca = await createCertificateAuthority("cluster-ca", clock);
});

interface Client {
  readonly name?: string;
  readonly usage?: "client" | "server";
  readonly validityMs?: number;
  readonly by?: CertificateAuthority;
}

/** DER. */
async function newClient({
  name = "jane",
  usage = "client",
  validityMs,
  by = ca,
}: Client = {}): Promise<Buffer> {
  const { certificatePem } = await issueCertificate(
    by,
    {
      commonName: name,
      organizations: ["dev", "ops"],
      usages: [usage],
      ...(validityMs !== undefined && { validityMs }),
    },
    clock,
  );
  return Buffer.from(certificatePem.replaceAll(/-----[^-]+-----|\s/g, ""), "base64");
}

test("clientCertificate() makes the common name the user and the organisations the groups", async () => {
  const authenticator = clientCertificate({ ca: ca.certificatePem, clock });
  const der = await newClient();
  const user = await authenticator.authenticate({ headers: {}, clientCertificate: der }, signal);
  assert.deepEqual([user?.name, user?.groups], ["jane", ["dev", "ops"]]);
  assert.match(
    user?.extra?.["authentication.kubernetes.io/credential-id"]?.[0] ?? "",
    /^X509SHA256=[0-9a-f]{64}$/,
  );
  assert.equal(await authenticator.authenticate({ headers: {} }, signal), undefined);
});

test("clientCertificate() refuses what is expired, for servers, of another authority, nameless or not a certificate", async () => {
  const authenticator = clientCertificate({ ca: ca.certificatePem, clock });
  const wrong = [
    await newClient({ validityMs: -1_000 }),
    await newClient({ usage: "server" }),
    await newClient({ by: await createCertificateAuthority("cluster-ca", clock) }),
    await newClient({ name: "" }),
    Buffer.from("garbage"),
  ];
  for (const der of wrong)
    await assert.rejects(
      authenticator.authenticate({ headers: {}, clientCertificate: der }, signal),
      (error) => {
        assert.equal(reasonOf(error), "Unauthorized");
        return true;
      },
    );
});

test("clientCertificate() refuses a certificate it knew once it has expired", async () => {
  const own = new FakeClock(clock.now());
  const authenticator = clientCertificate({ ca: ca.certificatePem, clock: own });
  const credentials = { headers: {}, clientCertificate: await newClient({ validityMs: 5_000 }) };
  assert.equal((await authenticator.authenticate(credentials, signal))?.name, "jane");
  own.advance(6_000);
  await assert.rejects(authenticator.authenticate(credentials, signal));
});
