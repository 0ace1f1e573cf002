import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { systemClock } from "#apimachinery";
import { createCertificateAuthority, issueCertificate } from "#component-base/pki";
import { storeConformance, take } from "../conformance.ts";
import { openEtcdStore } from "./etcd-store.ts";
import { startEtcd, type RunningEtcd } from "./testdata/start-etcd.ts";

const put = (key: string) => [{ key, value: Buffer.from("1"), ifRevision: 0 }];

suite("etcd", () => {
  let etcd: RunningEtcd;
  let count = 0;
  const open = (endpoints = [etcd.endpoint]) => openEtcdStore({ endpoints, prefix: `/test-${count++}` });
  before(async () => {
    etcd = await startEtcd();
  });
  after(() => etcd.stop());

  storeConformance("etcd", () => open(), { modelRuns: 8 });

  test("watch() goes on after etcd was killed and started again, without gaps or repeats", async () => {
    const store = await open();
    const abort = new AbortController();
    const from = await store.commit(put("/a"));
    const keys: string[] = [];
    const seen = (async () => {
      for await (const batch of store.watch("/", from, abort.signal)) {
        keys.push(...batch.map((c) => c.key));
        if (keys.includes("/last")) return;
      }
    })();
    const names = Array.from({ length: 10 }, (_, i) => `/${i}`);
    for (const name of names.slice(0, 5)) await store.commit(put(name));
    await etcd.restart();
    for (const name of [...names.slice(5), "/last"]) await store.commit(put(name));
    await seen;
    assert.deepEqual(keys, [...names, "/last"]);
    await store.close();
  });

  test("openEtcdStore() goes past endpoints that do not answer", async () => {
    const store = await open(["http://127.0.0.1:1", etcd.endpoint]);
    const revision = await store.commit(put("/a"));
    assert.equal((await store.get("/a"))?.revision, revision);
    assert.equal((await take(1, store.watch("/", revision - 1, new AbortController().signal))).length, 1);
    await store.close();
  });

  test("openEtcdStore() says which endpoints it could not reach", async () => {
    await assert.rejects(open(["http://127.0.0.1:1"]), /etcd at http:\/\/127\.0\.0\.1:1: /);
  });

  test("openEtcdStore() keeps stores with different prefixes apart", async () => {
    const [one, two] = [await open(), await open()];
    await one.commit(put("/a"));
    assert.equal(await two.get("/a"), undefined);
    assert.deepEqual((await two.range({ prefix: "" })).entries, []);
    await Promise.all([one.close(), two.close()]);
  });
});

test("openEtcdStore() shows its certificate, and talks to no etcd that another authority vouches for", async () => {
  const ca = await createCertificateAuthority("etcd-ca", systemClock);
  const server = await issueCertificate(
    ca,
    { commonName: "etcd", ipAddresses: ["127.0.0.1"], usages: ["server", "client"] },
    systemClock,
  );
  const client = await issueCertificate(ca, { commonName: "apiserver", usages: ["client"] }, systemClock);
  const etcd = await startEtcd({
    cert: server.certificatePem,
    key: server.privateKeyPem,
    clientCa: ca.certificatePem,
  });
  try {
    const endpoints = [etcd.endpoint];
    const tls = { ca: ca.certificatePem, cert: client.certificatePem, key: client.privateKeyPem };
    const store = await openEtcdStore({ endpoints, tls });
    assert.ok((await store.commit(put("/a"))) > 0);
    await store.close();
    const { certificatePem } = await createCertificateAuthority("other-ca", systemClock);
    for (const wrong of [{ ...tls, ca: certificatePem }, { ca: tls.ca }])
      await assert.rejects(openEtcdStore({ endpoints, tls: wrong }), /^Error: etcd at https:/);
  } finally {
    await etcd.stop();
  }
});
