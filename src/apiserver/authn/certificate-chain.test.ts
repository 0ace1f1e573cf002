import assert from "node:assert/strict";
import { before, suite, test } from "node:test";
import { FakeClock, reasonOf } from "#apimachinery";
import {
  createCertificateAuthority,
  createSubordinateAuthority,
  issueCertificate,
  type CertificateAuthority,
  type CertificateUsage,
} from "#component-base/pki";
import { clientCertificate } from "./client-certificate.ts";

const clock = new FakeClock();
const signal = new AbortController().signal;
const DAY_MS = 86_400_000;

function der(pem: string): Buffer {
  return Buffer.from(pem.replaceAll(/-----[^-]+-----|\s/g, ""), "base64");
}

async function leafOf(by: CertificateAuthority, usage: CertificateUsage = "client"): Promise<Buffer> {
  const subject = { commonName: "jane", organizations: ["dev"], usages: [usage] };
  return der((await issueCertificate(by, { ...subject, validityMs: DAY_MS }, clock)).certificatePem);
}

/** As if it lived longer than it does: what it signs then outlives it. */
function outlived(authority: CertificateAuthority): CertificateAuthority {
  const { subjectName, publicKey } = authority.certificate;
  const notAfter = new Date(clock.now() + 10 * DAY_MS);
  return {
    ...authority,
    certificate: { subjectName, publicKey, notAfter } as CertificateAuthority["certificate"],
  };
}

suite("clientCertificate() follows a chain", () => {
  let root: CertificateAuthority;
  let stranger: CertificateAuthority;
  const made: Record<string, CertificateAuthority> = {};

  before(async () => {
    root = await createCertificateAuthority("cluster-ca", clock);
    stranger = await createCertificateAuthority("cluster-ca", clock);
    const below = async (
      name: string,
      parent: CertificateAuthority,
      more: { readonly pathLength?: number; readonly isCa?: boolean; readonly validityMs?: number } = {},
    ): Promise<void> =>
      void (made[name] = await createSubordinateAuthority(
        parent,
        name,
        { validityMs: 5 * DAY_MS, ...more },
        clock,
      ));
    await below("team", root);
    await below("lower", made["team"]!);
    await below("narrow", root, { pathLength: 0 });
    await below("beyond", made["narrow"]!);
    await below("none", root, { isCa: false });
    await below("expired", root, { validityMs: -1000 });
    await below("foreign", stranger);
  });

  const shown = (...names: readonly string[]): readonly Buffer[] =>
    names.map((name) => der(made[name]!.certificatePem));
  const ask = async (
    certificate: Buffer,
    clientIntermediates: readonly Buffer[],
  ): Promise<string | undefined> => {
    const authenticator = clientCertificate({ ca: root.certificatePem, clock });
    try {
      const asked = { headers: {}, clientCertificate: certificate, clientIntermediates };
      return (await authenticator.authenticate(asked, signal))?.name;
    } catch (err) {
      return `${reasonOf(err)}: ${String((err as Error).cause)}`;
    }
  };

  const cases: readonly (readonly [what: string, by: string, shown: readonly string[], expected: RegExp])[] =
    [
      ["of one authority between", "team", ["team"], /^jane$/],
      ["of two, in any order", "lower", ["team", "lower"], /^jane$/],
      ["among others that do not belong to it", "team", ["foreign", "narrow", "team"], /^jane$/],
      ["within the path length", "narrow", ["narrow"], /^jane$/],
      ["not shown", "team", [], /^Unauthorized: .*unknown authority/],
      ["with a gap", "lower", ["lower"], /^Unauthorized: .*unknown authority/],
      ["of another root", "foreign", ["foreign"], /^Unauthorized: .*unknown authority/],
      [
        "longer than an authority allows",
        "beyond",
        ["beyond", "narrow"],
        /^Unauthorized: .*too many intermediate/,
      ],
      ["through what is no authority", "none", ["none"], /^Unauthorized: .*may not sign others/],
      ["through what has expired", "expired", ["expired"], /^Unauthorized: .*expired/],
    ];
  for (const [what, by, names, expected] of cases) {
    test(`clientCertificate() ${expected.source === "^jane$" ? "believes" : "refuses"} a chain ${what}`, async () => {
      assert.match((await ask(await leafOf(outlived(made[by]!)), shown(...names))) ?? "", expected);
    });
  }

  test("clientCertificate() refuses a certificate for servers, and one whose chain is garbage", async () => {
    const server = await leafOf(made["team"]!, "server");
    assert.match((await ask(server, shown("team"))) ?? "", /^Unauthorized: .*not for client authentication/);
    const leaf = await leafOf(made["team"]!);
    assert.match((await ask(leaf, [Buffer.from("garbage")])) ?? "", /^Unauthorized/);
  });

  test("clientCertificate() finds its authority among many of one name", async () => {
    const many = await Promise.all(
      Array.from({ length: 120 }, () =>
        createSubordinateAuthority(stranger, "team", { validityMs: DAY_MS }, clock),
      ),
    );
    const leaf = await leafOf(made["team"]!);
    const last = [...many.map(({ certificatePem }) => der(certificatePem)), ...shown("team")];
    // those differ by their key identifiers, which costs no look at a signature
    assert.equal(await ask(leaf, last), "jane");
  });

  test("clientCertificate() believes a leaf with its chain, and no longer without it or when that ends", async () => {
    const own = new FakeClock(clock.now());
    const authenticator = clientCertificate({ ca: root.certificatePem, clock: own });
    const short = await createSubordinateAuthority(root, "short", { validityMs: 5000 }, own);
    const leaf = await leafOf(outlived(short));
    const chain = [der(short.certificatePem)];
    const asked = { headers: {}, clientCertificate: leaf, clientIntermediates: chain };
    assert.equal((await authenticator.authenticate(asked, signal))?.name, "jane");
    await assert.rejects(authenticator.authenticate({ headers: {}, clientCertificate: leaf }, signal));
    own.advance(6000);
    await assert.rejects(authenticator.authenticate(asked, signal));
  });
});
