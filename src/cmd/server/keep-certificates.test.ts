import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
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
import { LiveValue } from "#component-base";
import { followFiles } from "../live-files.ts";
import { frontProxyOptions, frontProxyPaths } from "./front-proxy-flags.ts";
import {
  liveKubeletClient,
  liveServing,
  readKeptCertificates,
  renewCertificates,
  type KeptCertificates,
} from "./keep-certificates.ts";

const DAY_MS = 86_400_000;

function write(folder: string, name: string, pair: KeyPairPem): Promise<void> {
  const paths = { certificate: join(folder, `${name}.crt`), privateKey: join(folder, `${name}.key`) };
  return writeKeyPair(paths, pair);
}

test("renewCertificates() renews what has less than a third of its life left, and followFiles() tells of a new serving certificate", async () => {
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
    const read = (): Promise<KeptCertificates> => readKeptCertificates(dir, frontProxyPaths({}, dir));
    const kept = new LiveValue(await read());
    const before = kept.current;
    const live = liveKubeletClient(kept);
    const served: string[] = [];
    const stop = new AbortController();
    const world = { clock, logger: silentLogger };
    kept.follow(({ serving }) => void served.push(serving.cert), stop.signal);
    clock.advance(199 * DAY_MS);
    const running = [
      renewCertificates({ certDir: dir, nodesDir: join(dir, "nodes"), ...world }, stop.signal),
      followFiles(kept, { read, what: "Certificates", ...world }, stop.signal),
    ];
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
    await Promise.all(running);
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

test("followFiles() takes up authorities and pairs that others write, and nothing half-written", async () => {
  const dir = await mkdtemp(join(tmpdir(), "k8ts-follow-"));
  const clock = new FakeClock();
  const stop = new AbortController();
  try {
    const ca = await createCertificateAuthority("kubernetes", clock);
    const proxies = await createCertificateAuthority("front-proxy-ca", clock);
    const issue = (commonName: string): Promise<KeyPairPem> =>
      issueCertificate(ca, { commonName, usages: ["client"] }, clock);
    await write(dir, "ca", ca);
    await write(dir, "front-proxy-ca", proxies);
    for (const name of ["apiserver", "apiserver-kubelet-client", "front-proxy-client"])
      await write(dir, name, await issue(name));
    const paths = frontProxyPaths({}, dir);
    const read = (): Promise<KeptCertificates> => readKeptCertificates(dir, paths);
    const kept = new LiveValue(await read());
    const { proxyClient, requestHeader } = frontProxyOptions({}, kept);
    const serving = liveServing(kept);
    const errors: string[] = [];
    const logger = {
      ...silentLogger,
      error: (_message: string, fields?: { readonly err?: Error }) => void errors.push(fields!.err!.message),
    };
    const running = followFiles(kept, { read, what: "Certificates", clock, logger }, stop.signal);
    const passed = async (isDone: () => boolean): Promise<void> => {
      while (!isDone()) {
        clock.advance(5_000);
        await new Promise(setImmediate);
      }
    };
    const next = await issue("apiserver");
    await writeFile(join(dir, "apiserver.key"), next.privateKeyPem);
    await passed(() => errors.length > 0);
    assert.match(errors[0]!, /^the key .*apiserver\.key is not that of the certificate/);
    assert.equal(serving.key, kept.current.serving.key);
    assert.notEqual(serving.key, next.privateKeyPem);
    await writeFile(join(dir, "apiserver.crt"), next.certificatePem);
    await passed(() => serving.cert === next.certificatePem);
    const other = await createCertificateAuthority("kubernetes", clock);
    const bundle = ca.certificatePem + other.certificatePem;
    await writeFile(join(dir, "ca.crt"), bundle);
    await passed(() => serving.clientCa === bundle);
    await writeFile(join(dir, "front-proxy-ca.crt"), other.certificatePem);
    await passed(() => requestHeader!.clientCa === other.certificatePem);
    const proxy = await issue("front-proxy-client");
    await write(dir, "front-proxy-client", proxy);
    await passed(() => proxyClient!.cert === proxy.certificatePem);
    assert.equal(new Set(errors).size, errors.length, "each problem is told once");
    stop.abort();
    await running;
    assert.throws(() => frontProxyPaths({ proxyClientCertFile: "a" }, dir), /go together/);
    await assert.rejects(
      readKeptCertificates(dir, frontProxyPaths({ requestheaderClientCaFile: join(dir, "no") }, dir)),
      /ENOENT/,
    );
  } finally {
    stop.abort();
    await rm(dir, { recursive: true });
  }
});
