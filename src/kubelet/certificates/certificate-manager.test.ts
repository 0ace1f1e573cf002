import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { FakeClock, silentLogger } from "#apimachinery";
import type { Client } from "#client";
import {
  createCertificateAuthority,
  issueCertificate,
  signCertificateRequest,
  type CertificateAuthority,
} from "#component-base/pki";
import { keepCertificate } from "./certificate-manager.ts";
import { CertificateMetrics } from "./certificate-metrics.ts";
import { CertificateStore, type StoredPair } from "./certificate-store.ts";
import { KUBELET_CLIENT_SIGNER, KUBELET_CLIENT_USAGES } from "./kubelet-certificates.ts";
import { clientTemplate } from "./plan.ts";

const DAY_MS = 86_400_000;
const clock = new FakeClock();
let dir = "";

before(async () => {
  dir = await mkdtemp(join(tmpdir(), "k8ts-certificate-manager-"));
});
after(() => rm(dir, { recursive: true }));

interface Csr {
  readonly metadata: { readonly name: string };
  readonly spec: { readonly request: string; readonly usages: readonly string[] };
}

/** Signs at once, with the authority of the moment; or refuses. */
function signer(authority: () => CertificateAuthority | undefined): Client & { asked: number } {
  let csr: object = {};
  const client = {
    asked: 0,
    async create(_kind: unknown, request: Csr) {
      client.asked++;
      const ca = authority();
      if (ca === undefined) throw new Error("not today");
      const pem = Buffer.from(request.spec.request, "base64").toString();
      const policy = { usages: request.spec.usages, ttlMs: 10 * DAY_MS };
      const certificate = await signCertificateRequest(ca, pem, policy, clock);
      const status = {
        conditions: [{ type: "Approved", status: "True" }],
        certificate: Buffer.from(certificate).toString("base64"),
      };
      csr = { ...request, metadata: { name: "csr-1", uid: "u" }, status };
      return csr;
    },
    list: () => Promise.resolve({ items: [csr], metadata: { resourceVersion: "1" } }),
  };
  return client as unknown as Client & { asked: number };
}

test("keepCertificate takes up what others write, follows the authority that signs, and counts", async () => {
  const folder = join(dir, "a");
  const [old, next] = [
    await createCertificateAuthority("kubernetes", clock),
    await createCertificateAuthority("kubernetes", clock),
  ];
  const store = new CertificateStore(folder, "kubelet-client");
  const template = clientTemplate("n");
  const issue = (days: number): ReturnType<typeof issueCertificate> =>
    issueCertificate(old, { ...template, usages: ["client"], validityMs: days * DAY_MS }, clock);
  const first = await issue(5);
  await store.update(first.certificatePem, first.privateKeyPem, clock.now());
  let signing: CertificateAuthority | undefined = old;
  let announced = old;
  const client = signer(() => signing);
  const metrics = new CertificateMetrics(clock);
  const used: StoredPair[] = [];
  const stop = new AbortController();
  const passed = async (isDone: () => boolean | Promise<boolean>): Promise<void> => {
    while (!(await isDone())) {
      clock.advance(10_000);
      await new Promise(setImmediate);
    }
  };
  const value = async (name: string): Promise<number> =>
    Number(new RegExp(`^${name} (\\S+)$`, "m").exec(await metrics.expose())![1]);
  const errors = "kubelet_certificate_manager_client_expiration_renew_errors";
  assert.match(await metrics.expose(), /^kubelet_certificate_manager_client_ttl_seconds \+Inf$/m);
  const running = keepCertificate(
    {
      client,
      clock,
      random: () => 0,
      logger: silentLogger,
      store,
      signerName: KUBELET_CLIENT_SIGNER,
      usages: KUBELET_CLIENT_USAGES,
      template: () => template,
      onPair: (pair) => void used.push(pair),
      authority: () => Promise.resolve(announced.certificatePem),
      metrics: metrics.client,
    },
    stop.signal,
  );
  await passed(() => used.length === 1);
  const ttl = await value("kubelet_certificate_manager_client_ttl_seconds");
  assert.ok(ttl > 4 * 86_400 && ttl <= 5 * 86_400, String(ttl));

  const given = await issue(9);
  await writeFile(join(folder, "kubelet-client.key"), given.privateKeyPem);
  await writeFile(join(folder, "kubelet-client.crt"), given.certificatePem);
  await passed(() => used.length === 2);
  assert.equal(used[1]!.privateKeyPem, given.privateKeyPem);
  assert.equal(client.asked, 0);

  // somebody else signs than who is announced: asked once, and not again and again
  announced = next;
  await passed(() => used.length === 3);
  for (let i = 0; i < 20; i++) {
    clock.advance(10_000);
    await new Promise(setImmediate);
  }
  assert.equal(client.asked, 1);

  signing = undefined;
  announced = old;
  await passed(() => true);
  announced = await createCertificateAuthority("kubernetes", clock);
  await passed(async () => (await value(errors)) > 0);
  signing = announced;
  await passed(() => used.length === 4);
  stop.abort();
  await running;
  assert.equal(await value("kubelet_server_expiration_renew_errors"), 0);
});

test("CertificateMetrics shows the ages at which serving certificates were replaced", async () => {
  const metrics = new CertificateMetrics(clock);
  metrics.server.rotated(7_200);
  metrics.client.rotated(7_200);
  const text = await metrics.expose();
  assert.match(text, /^kubelet_certificate_manager_server_rotation_seconds_bucket\{le="3600"\} 0$/m);
  assert.match(text, /^kubelet_certificate_manager_server_rotation_seconds_bucket\{le="14400"\} 1$/m);
  assert.match(text, /^kubelet_certificate_manager_server_ttl_seconds \+Inf$/m);
  metrics.server.uses({ validToDate: new Date(clock.now() - 5_000) });
  assert.match(await metrics.expose(), /^kubelet_certificate_manager_server_ttl_seconds -5$/m);
});
