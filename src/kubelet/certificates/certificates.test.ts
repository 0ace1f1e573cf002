import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { lstat, mkdtemp, readdir, readFile, readlink, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { after, before, test } from "node:test";
import { FakeClock } from "#apimachinery";
import { createCertificateAuthority, issueCertificate, type CertificateAuthority } from "#component-base/pki";
import { CertificateStore } from "./certificate-store.ts";
import { clientTemplate, rotationDeadlineMs, satisfies, servingTemplate } from "./plan.ts";

const clock = new FakeClock();
const DAY_MS = 86_400_000;
let ca: CertificateAuthority;
let dir = "";

before(async () => {
  ca = await createCertificateAuthority("ca", clock);
  dir = await mkdtemp(join(tmpdir(), "k8ts-kubelet-certificates-"));
});
after(() => rm(dir, { recursive: true }));

const issue = (validityMs: number, more: object = {}) =>
  issueCertificate(ca, { ...clientTemplate("n"), ...more, usages: ["client"], validityMs }, clock);

test("CertificateStore links the newest pair, privately, and keeps a few old ones", async () => {
  const store = new CertificateStore(join(dir, "a"), "kubelet-client");
  assert.equal(await store.current(), undefined);
  for (let day = 0; day < 6; day++) {
    const pair = await issue(DAY_MS * (1 + day));
    await store.update(pair.certificatePem, pair.privateKeyPem, clock.now() + day * DAY_MS);
    assert.equal((await store.current())!.privateKeyPem, pair.privateKeyPem);
  }
  const current = join(dir, "a/kubelet-client-current.pem");
  assert.equal(store.currentPath, current);
  assert.ok((await lstat(current)).isSymbolicLink());
  assert.equal((await stat(current)).mode & 0o777, 0o600);
  assert.match(basename(await readlink(current)), /^kubelet-client-2026-01-06-00-00-00\.pem$/);
  assert.match(
    await readFile(current, "utf8"),
    /^-----BEGIN CERTIFICATE-----[^]*-----END PRIVATE KEY-----\n$/,
  );
  assert.equal((await readdir(join(dir, "a"))).length, 5);
});

test("CertificateStore takes what was put beside it when that lasts longer", async () => {
  const store = new CertificateStore(join(dir, "b"), "kubelet-client");
  const [short, long] = [await issue(DAY_MS), await issue(9 * DAY_MS)];
  await store.update(short.certificatePem, short.privateKeyPem, clock.now());
  await writeFile(join(dir, "b/kubelet-client.crt"), long.certificatePem);
  await writeFile(join(dir, "b/kubelet-client.key"), long.privateKeyPem);
  assert.equal((await store.current())!.privateKeyPem, long.privateKeyPem);
});

test("CertificateStore refuses to replace a file that is no link, and what is no pair", async () => {
  const store = new CertificateStore(join(dir, "c"), "kubelet-client");
  const pair = await issue(DAY_MS);
  await assert.rejects(store.update("", pair.privateKeyPem, 0), /invalid certificate data/);
  await assert.rejects(store.update(pair.certificatePem, "", 0), /invalid key data/);
  await store.update(pair.certificatePem, pair.privateKeyPem, 0);
  await rm(store.currentPath);
  await writeFile(store.currentPath, "");
  await assert.rejects(
    store.update(pair.certificatePem, pair.privateKeyPem, 0),
    /to be a symlink but it is a file/,
  );
});

test("rotationDeadlineMs lies between 70 and 90 % of the life", () => {
  const leaf = { validFromDate: new Date(0), validToDate: new Date(100_000) };
  assert.deepEqual(
    [0, 0.5, 1].map((random) => Math.round(rotationDeadlineMs(leaf, random))),
    [70_000, 80_000, 90_000],
  );
});

test("servingTemplate sorts addresses, and waits for the first", () => {
  assert.equal(servingTemplate("n", [{ type: "Hostname", address: "n" }]), undefined);
  const template = servingTemplate("n", [
    { type: "InternalIP", address: "10.0.0.2" },
    { type: "ExternalIP", address: "10.0.0.1" },
    { type: "Hostname", address: "n" },
    { type: "InternalDNS", address: "a.example" },
    { type: "Other", address: "never" },
  ]);
  assert.deepEqual(template, {
    commonName: "system:node:n",
    organizations: ["system:nodes"],
    dnsNames: ["a.example", "n"],
    ipAddresses: ["10.0.0.1", "10.0.0.2"],
  });
});

test("satisfies wants every name, and forgives more of them", async () => {
  const names = { dnsNames: ["n", "m"], ipAddresses: ["10.0.0.1", "fd00::1"] };
  const leaf = new X509Certificate((await issue(DAY_MS, names)).certificatePem);
  const wanted = clientTemplate("n");
  assert.equal(satisfies(leaf, wanted), true);
  assert.equal(satisfies(leaf, { ...wanted, dnsNames: ["m"], ipAddresses: ["fd00::1"] }), true);
  assert.equal(satisfies(leaf, { ...wanted, ipAddresses: ["10.0.0.9"] }), false);
  assert.equal(satisfies(leaf, { ...wanted, dnsNames: ["system:node:n"] }), false);
  assert.equal(satisfies(leaf, clientTemplate("o")), false);
  assert.equal(satisfies(leaf, { ...wanted, organizations: ["system:masters"] }), false);
});
