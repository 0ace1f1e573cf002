import assert from "node:assert/strict";
import { setImmediate } from "node:timers/promises";
import { test } from "node:test";
import { FakeClock, systemClock, type KubeList } from "#apimachinery";
import type { Lease } from "#api/coordination/v1/types.gen";
import { createCertificateAuthority, issueCertificate } from "#component-base/pki";
import { openMemoryStore } from "#storage";
import { start } from "../server-fixture.ts";
import { isExpired } from "./identity-lease.ts";
import { MasterLeases } from "./master-leases.ts";
import { serverName } from "./server-name.ts";

test("serverName() is upstream's hash of the host name", () => {
  // sha256 of 0004 "node" 000e "kube-apiserver", its first half in base32.
  assert.match(serverName("node"), /^apiserver-[a-z2-7]{26}$/);
  assert.equal(serverName("node"), serverName("node"));
  assert.notEqual(serverName("node"), serverName("other"));
});

const lease = (spec: object): Lease => ({
  apiVersion: "coordination.k8s.io/v1",
  kind: "Lease",
  metadata: { name: "l" },
  spec,
});
const atMs = (seconds: number): number => Date.parse("2026-01-01T00:00:00Z") + seconds * 1000;

test("isExpired() takes leases without times for expired", () => {
  const renewTime = "2026-01-01T00:00:00.000000Z";
  assert.equal(isExpired(lease({ renewTime, leaseDurationSeconds: 60 }), atMs(60)), false);
  assert.equal(isExpired(lease({ renewTime, leaseDurationSeconds: 60 }), atMs(61)), true);
  assert.equal(isExpired(lease({ renewTime }), atMs(0)), true);
});

test("MasterLeases forgets a server that did not renew for 15 seconds, by its own clock", async () => {
  const clock = new FakeClock();
  const store = await openMemoryStore();
  const [a, b] = [new MasterLeases(store, clock), new MasterLeases(store, clock)];
  await a.renew("192.0.2.1");
  await b.renew("192.0.2.2");
  assert.deepEqual(await a.list(), ["192.0.2.1", "192.0.2.2"]);
  clock.advance(10_000);
  await a.renew("192.0.2.1");
  assert.deepEqual(await a.list(), ["192.0.2.1", "192.0.2.2"]);
  clock.advance(6_000);
  assert.deepEqual(await a.list(), ["192.0.2.1"]);
  // Whoever was only slow comes back.
  await b.renew("192.0.2.2");
  assert.deepEqual(await a.list(), ["192.0.2.1", "192.0.2.2"]);
  await a.remove("192.0.2.1");
  assert.deepEqual(await b.list(), ["192.0.2.2"]);
});

test("Presence renews the server's lease every ten seconds, and removes what others left", async () => {
  const clock = new FakeClock(Date.parse("2026-01-01T00:00:00Z"));
  const ca = await createCertificateAuthority("ca", systemClock);
  const { certificatePem: cert, privateKeyPem: key } = await issueCertificate(
    ca,
    { commonName: "apiserver", ipAddresses: ["127.0.0.1"], usages: ["server"] },
    systemClock,
  );
  const { server, send } = await start({ clock, hostname: "host", tls: { cert, key } });
  const path = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases";
  const labels = { "apiserver.kubernetes.io/identity": "kube-apiserver" };
  await send("POST", path, { metadata: { name: "apiserver-gone", labels }, spec: {} });
  await send("POST", path, { metadata: { name: "of-others" }, spec: {} });
  const leases = async (): Promise<readonly Lease[]> =>
    ((await send("GET", path)) as unknown as KubeList<Lease>).items;
  await server.listen([{ host: "127.0.0.1", port: 0 }]);
  const [own] = (await leases()).filter(({ metadata }) => metadata.name === serverName("host"));
  assert.equal(own?.spec?.leaseDurationSeconds, 3_600);
  assert.ok(own.spec.holderIdentity?.startsWith(`${serverName("host")}_`));
  for (let i = 0; i < 361; i++) {
    clock.advance(10_000);
    for (let turn = 0; turn < 10; turn++) await setImmediate();
  }
  const names = (await leases()).map(({ metadata }) => metadata.name);
  assert.deepEqual(names, [serverName("host"), "of-others"]);
  const [renewed] = await leases();
  assert.ok(renewed!.spec!.renewTime! > own.spec.renewTime!);
});
