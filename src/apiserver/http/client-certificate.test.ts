import assert from "node:assert/strict";
import { Agent, request } from "node:https";
import { before, suite, test } from "node:test";
import { systemClock } from "#apimachinery";
import {
  createCertificateAuthority,
  createSubordinateAuthority,
  issueCertificate,
  type CertificateAuthority,
  type SubordinateOptions,
} from "#component-base/pki";
import { authenticatorChain, clientCertificate } from "../authn/index.ts";
import { startHttps } from "../https-fixture.ts";

const DAY_MS = 86_400_000;
const REVIEWS = "/apis/authentication.k8s.io/v1/selfsubjectreviews";

interface Shown {
  readonly cert: string;
  readonly key: string;
}

function below(
  parent: CertificateAuthority,
  name: string,
  more: Partial<SubordinateOptions> = {},
): Promise<CertificateAuthority> {
  return createSubordinateAuthority(parent, name, { validityMs: DAY_MS, ...more }, systemClock);
}

/** Of a client of the last authority; all of them are shown unless told otherwise. */
async function client(
  authorities: readonly CertificateAuthority[],
  shown: readonly CertificateAuthority[] = authorities,
): Promise<Shown> {
  const { subjectName, publicKey } = authorities.at(-1)!.certificate;
  const notAfter = new Date(systemClock.now() + DAY_MS);
  const certificate = { subjectName, publicKey, notAfter } as CertificateAuthority["certificate"];
  const { certificatePem, privateKeyPem: key } = await issueCertificate(
    { ...authorities.at(-1)!, certificate },
    { commonName: "jane", usages: ["client"] },
    systemClock,
  );
  const chain = shown.toReversed().map((authority) => authority.certificatePem);
  return { cert: [certificatePem, ...chain].join(""), key };
}

suite("clientCertificateOf()", () => {
  let root: CertificateAuthority;
  let serving: { readonly cert: string; readonly key: string };

  before(async () => {
    root = await createCertificateAuthority("cluster-ca", systemClock);
    const server = { commonName: "s", ipAddresses: ["127.0.0.1"], usages: ["server"] as const };
    const { certificatePem: cert, privateKeyPem: key } = await issueCertificate(root, server, systemClock);
    serving = { cert, key };
  });

  const cases: readonly (readonly [what: string, status: number, make: () => Promise<Shown>])[] = [
    ["a chain of one authority", 201, async () => client([await below(root, "a")])],
    [
      "a chain of two",
      201,
      async () => {
        const upper = await below(root, "a", { pathLength: 1 });
        return client([upper, await below(upper, "b")]);
      },
    ],
    ["a chain that is not shown", 401, async () => client([await below(root, "a")], [])],
    ["a chain through no authority", 401, async () => client([await below(root, "a", { isCa: false })])],
    [
      "a chain that is too long",
      401,
      async () => {
        const upper = await below(root, "a", { pathLength: 0 });
        return client([upper, await below(upper, "b")]);
      },
    ],
    ["a chain that has expired", 401, async () => client([await below(root, "a", { validityMs: -1000 })])],
  ];
  for (const [what, status, make] of cases) {
    test(`clientCertificateOf() with ${what}: ${status}, on every connection`, async () => {
      const clientCa = root.certificatePem;
      const tls = { ...serving, clientCa };
      const authenticator = authenticatorChain([clientCertificate({ ca: clientCa, clock: systemClock })]);
      const { port } = await startHttps({
        tls,
        authenticator,
        authorizer: { authorize: () => ({ allowed: true }) },
      });
      const shown = await make();
      // keeps sessions, and would resume them: what was shown in the first handshake is not shown again then
      const agent = new Agent({ keepAlive: false, maxCachedSessions: 10 });
      for (let connection = 0; connection < 3; connection += 1)
        assert.deepEqual(await review(port, { ...shown, ca: clientCa, agent }), {
          status,
          name: status === 201 ? "jane" : undefined,
        });
      agent.destroy();
    });
  }
});

function review(
  port: number,
  tls: Shown & { readonly ca: string; readonly agent: Agent },
): Promise<{ readonly status: number | undefined; readonly name: string | undefined }> {
  const body = JSON.stringify({ apiVersion: "authentication.k8s.io/v1", kind: "SelfSubjectReview" });
  const headers = { "content-type": "application/json", "content-length": String(body.length) };
  return new Promise((resolve, reject) => {
    const options = { host: "127.0.0.1", port, path: REVIEWS, method: "POST", headers, ...tls };
    const asked = request(options, (response) => {
      let text = "";
      response.on("data", (chunk: Buffer) => (text += chunk.toString()));
      response.on("end", () => {
        const { status } = JSON.parse(text) as { status?: { userInfo?: { username?: string } } };
        resolve({ status: response.statusCode, name: status?.userInfo?.username });
      });
    });
    asked.on("error", reject);
    asked.end(body);
  });
}
