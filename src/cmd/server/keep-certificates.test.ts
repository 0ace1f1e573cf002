import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { FakeClock, silentLogger } from "#apimachinery";
import {
  createCertificateAuthority,
  issueCertificate,
  parseCertificate,
  writeKeyPair,
  type KeyPairPem,
} from "#component-base/pki";
import { keepCertificates, liveKubeletClient, readKeptCertificates } from "./keep-certificates.ts";

const DAY_MS = 86_400_000;

function write(folder: string, name: string, pair: KeyPairPem): Promise<void> {
  const paths = { certificate: join(folder, `${name}.crt`), privateKey: join(folder, `${name}.key`) };
  return writeKeyPair(paths, pair);
}

test("keepCertificates renews what has less than a third of its life left, and tells of a new serving certificate", async () => {
  const dir = await mkdtemp(join(tmpdir(), "k8ts-keep-"));
  const clock = new FakeClock();
  try {
    const ca = await createCertificateAuthority("kubernetes", clock);
    const subject = { dnsNames: ["kubernetes"], ipAddresses: ["10.96.0.1"] };
    const issue = (commonName: string, days: number): Promise<KeyPairPem> =>
      issueCertificate(ca, { ...subject, commonName, usages: ["server"], validityMs: days * DAY_MS }, clock);
    const nodePki = join(dir, "nodes/n1/pki");
    await mkdir(nodePki, { recursive: true });
    await write(dir, "ca", ca);
    await write(dir, "apiserver", await issue("kube-apiserver", 300));
    await write(dir, "apiserver-kubelet-client", await issue("kubelet-client", 900));
    await write(nodePki, "kubelet", await issue("system:node:n1", 200));
    const kept = { current: await readKeptCertificates(dir) };
    const before = kept.current;
    const live = liveKubeletClient(kept, ca.certificatePem);
    const served: string[] = [];
    const stop = new AbortController();
    const options = {
      certDir: dir,
      nodesDir: join(dir, "nodes"),
      clock,
      logger: silentLogger,
      onServing: ({ cert }: { readonly cert: string }) => void served.push(cert),
    };
    clock.advance(199 * DAY_MS);
    const running = keepCertificates(options, kept, stop.signal);
    const node = async () => parseCertificate(await readFile(join(nodePki, "kubelet.crt"), "utf8"));
    while ((await node()).notAfter < clock.now() + 300 * DAY_MS) await new Promise(setImmediate);
    assert.deepEqual(served, []);
    assert.equal((await node()).commonName, "system:node:n1");
    clock.advance(2 * DAY_MS);
    while (served.length === 0) {
      clock.advance(60_000);
      await new Promise(setImmediate);
    }
    stop.abort();
    clock.advance(60_000);
    await running;
    const info = parseCertificate(served[0]!);
    assert.deepEqual(
      [info.dnsNames, info.ipAddresses, info.usages],
      [["kubernetes"], ["10.96.0.1"], ["server"]],
    );
    assert.equal(kept.current.serving.cert, served[0]);
    assert.notEqual(kept.current.serving.key, before.serving.key);
    assert.equal(live.cert, before.kubeletClient.cert);
  } finally {
    await rm(dir, { recursive: true });
  }
});
