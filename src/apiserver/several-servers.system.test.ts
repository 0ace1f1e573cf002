/** Two API servers on one real etcd behave like one. */
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { isConflict, systemClock, type KubeList, type KubeObject } from "#apimachinery";
import type { Endpoints, Service } from "#api/core/v1/types.gen";
import type { Lease } from "#api/coordination/v1/types.gen";
import type { Request, Transport } from "#client";
import { createCertificateAuthority, issueCertificate } from "#component-base/pki";
import { openEtcdStore, type Store } from "#storage";
import { startEtcd, type RunningEtcd } from "#storage/testing";
import { createApiServer, type ApiServer } from "./index.ts";
import { configMap, CONFIG_MAPS } from "./server-fixture.ts";

const forever = new AbortController().signal;
const SERVICES = "/api/v1/namespaces/default/services";
const LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases";
const KUBERNETES = "/api/v1/namespaces/default/endpoints/kubernetes";
const CLIENTS = 200;

interface Member {
  readonly store: Store;
  readonly server: ApiServer;
  readonly transport: Transport;
  readonly send: (method: Request["method"], path: string, body?: unknown) => Promise<KubeObject>;
}

suite("several API servers", () => {
  let etcd: RunningEtcd;
  const members: Member[] = [];
  before(async () => {
    etcd = await startEtcd();
    for (const index of [1, 2]) members.push(await join(etcd.endpoint, index));
  });
  after(async () => {
    for (const { server, store } of members) {
      await server.close();
      await store.close();
    }
    await etcd.stop();
  });

  test("never give two Services one address or node port", async () => {
    const created = await Promise.all(
      Array.from({ length: CLIENTS }, async (_, i) => {
        const spec = { type: "NodePort", ports: [{ port: 80 }] };
        return (await members[i % 2]!.send("POST", SERVICES, {
          metadata: { name: `s${i}` },
          spec,
        })) as Service;
      }),
    );
    assert.equal(new Set(created.map(({ spec }) => spec!.clusterIP)).size, CLIENTS);
    assert.equal(new Set(created.map(({ spec }) => spec!.ports![0]!.nodePort)).size, CLIENTS);
    const addresses = await list(members[1]!, "/apis/networking.k8s.io/v1/ipaddresses");
    // And the one of the kubernetes Service.
    assert.equal(addresses.length, CLIENTS + 1);
  });

  test("lose none of the updates that race on one object", async () => {
    await members[0]!.send("POST", CONFIG_MAPS, configMap("counter", { data: { n: "0" } }));
    await Promise.all(Array.from({ length: CLIENTS }, (_, i) => increment(members[i % 2]!)));
    for (const { send } of members) {
      const { data } = (await send("GET", `${CONFIG_MAPS}/counter`)) as KubeObject & { data: { n: string } };
      assert.equal(data.n, String(CLIENTS));
    }
  });

  test("read on one what was written to the other, and see it in order", async () => {
    const [a, b] = members as [Member, Member];
    const { metadata } = await a.send("POST", CONFIG_MAPS, configMap("watched"));
    const stop = new AbortController();
    const seen = take(b, metadata.resourceVersion!, 50, stop);
    for (let i = 0; i < 50; i++) {
      const written = await a.send(
        "PUT",
        `${CONFIG_MAPS}/watched`,
        configMap("watched", { data: { i: `${i}` } }),
      );
      const read = await b.send("GET", `${CONFIG_MAPS}/watched`);
      assert.equal(read.metadata.resourceVersion, written.metadata.resourceVersion);
    }
    assert.deepEqual(
      (await seen).map((object) => (object as KubeObject & { data: { i: string } }).data.i),
      Array.from({ length: 50 }, (_, i) => `${i}`),
    );
    stop.abort();
  });

  test("show themselves by leases and endpoints, and go on when one takes its leave", async () => {
    const [a, b] = members as [Member, Member];
    const held = ((await list(a, LEASES)) as Lease[]).map(({ metadata }) => metadata.labels);
    const hosts = new Set(held.map((labels) => labels?.["kubernetes.io/hostname"]));
    assert.deepEqual(hosts, new Set(["host-1", "host-2"]));
    assert.ok(held.every((labels) => labels?.["apiserver.kubernetes.io/identity"] === "kube-apiserver"));
    assert.deepEqual(await endpoints(b), ["192.0.2.1", "192.0.2.2"]);
    await a.server.close();
    await a.store.close();
    members.shift();
    assert.deepEqual(await endpoints(b), ["192.0.2.2"]);
    assert.equal((await list(b, LEASES)).length, 1);
    await b.send("POST", CONFIG_MAPS, configMap("after"));
  });
});

async function join(endpoint: string, index: number): Promise<Member> {
  const ca = await createCertificateAuthority("ca", systemClock);
  const request = { commonName: "apiserver", ipAddresses: ["127.0.0.1"], usages: ["server"] } as const;
  const { certificatePem, privateKeyPem } = await issueCertificate(ca, request, systemClock);
  const store = await openEtcdStore({ endpoints: [endpoint] });
  const server = await createApiServer({
    store,
    tls: { cert: certificatePem, key: privateKeyPem },
    // Of documentation (RFC 5737): nothing is sent there.
    advertiseAddress: `192.0.2.${index}`,
    securePort: 6443,
    hostname: `host-${index}`,
  });
  await server.listen([{ host: "127.0.0.1", port: 0 }]);
  const transport = server.transport();
  const send: Member["send"] = async (method, path, body) =>
    (await transport.request({ method, path, ...(body !== undefined && { body }) }, forever))
      .body as KubeObject;
  return { store, server, transport, send };
}

async function list({ send }: Member, path: string): Promise<readonly KubeObject[]> {
  return ((await send("GET", path)) as unknown as KubeList).items;
}

async function endpoints({ send }: Member): Promise<readonly string[]> {
  const { subsets = [] } = (await send("GET", KUBERNETES)) as Endpoints;
  return subsets.flatMap(({ addresses = [] }) => addresses.map(({ ip }) => ip));
}

async function increment({ send }: Member): Promise<void> {
  for (;;) {
    const read = (await send("GET", `${CONFIG_MAPS}/counter`)) as KubeObject & { data: { n: string } };
    try {
      await send("PUT", `${CONFIG_MAPS}/counter`, { ...read, data: { n: String(Number(read.data.n) + 1) } });
      return;
    } catch (err) {
      if (!isConflict(err)) throw err;
    }
  }
}

async function take(
  { transport }: Member,
  resourceVersion: string,
  count: number,
  stop: AbortController,
): Promise<readonly KubeObject[]> {
  const query = { resourceVersion, fieldSelector: "metadata.name=watched" };
  const objects: KubeObject[] = [];
  for await (const event of transport.watch({ method: "GET", path: CONFIG_MAPS, query }, stop.signal)) {
    objects.push(event.object as KubeObject);
    if (objects.length === count) break;
  }
  return objects;
}
