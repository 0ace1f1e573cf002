import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { setImmediate } from "node:timers/promises";
import type { KubeObject } from "#apimachinery";
import type { Service } from "#api/core/v1/types.gen";
import type { Event } from "#api/events/v1/types.gen";
import { openMemoryStore } from "#storage";
import { createApiServer, type ApiServer } from "../../index.ts";
import { refusal } from "../../server-fixture.ts";

const signal = new AbortController().signal;
const SERVICES = "/api/v1/namespaces/default/services";
const EVENTS = "/apis/events.k8s.io/v1/namespaces/default/events";
const ADDRESSES = "/apis/networking.k8s.io/v1/ipaddresses";
const servers: ApiServer[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

interface Fixture {
  readonly create: (spec: object, query?: Record<string, string>) => Promise<Service>;
  readonly send: (
    method: "GET" | "PUT" | "DELETE" | "POST",
    path: string,
    body?: unknown,
  ) => Promise<KubeObject>;
  readonly addresses: () => Promise<readonly string[]>;
}

/** A range of 14 addresses, of which `kubernetes` has the first; four node ports. */
async function start(serviceCIDR = "10.0.0.0/28", store = openMemoryStore()): Promise<Fixture> {
  const nodePortRange = { from: 30000, to: 30003 };
  const server = await createApiServer({ store: await store, serviceCIDR, nodePortRange, random: () => 0.3 });
  servers.push(server);
  const transport = server.transport();
  const send: Fixture["send"] = async (method, path, body) =>
    (await transport.request({ method, path, ...(body !== undefined && { body }) }, signal))
      .body as KubeObject;
  let count = 0;
  return {
    send,
    create: async (spec, query = {}) => {
      const metadata = { name: `s${++count}` };
      const body = { metadata, spec: { ports: [{ port: 80 }], ...spec } };
      return (await transport.request({ method: "POST", path: SERVICES, body, query }, signal))
        .body as Service;
    },
    addresses: async () => {
      const { items } = (await send("GET", ADDRESSES)) as unknown as { items: KubeObject[] };
      return items.map(({ metadata }) => metadata.name);
    },
  };
}

test("ServiceAllocator gives every service an address of its own, with an object that names the service", async () => {
  const { create, send, addresses } = await start();
  const created = await Promise.all(Array.from({ length: 13 }, () => create({})));
  assert.equal(new Set(created.map(({ spec }) => spec!.clusterIP)).size, 13);
  assert.equal((await addresses()).length, 14);
  const { metadata, spec } = created[0]!;
  const address = (await send("GET", `${ADDRESSES}/${spec!.clusterIP}`)) as KubeObject & { spec: object };
  const parentRef = { resource: "services", namespace: "default", name: metadata.name };
  assert.deepEqual(address.spec, { parentRef });
  assert.deepEqual(address.metadata.labels, {
    "ipaddress.kubernetes.io/ip-family": "IPv4",
    "ipaddress.kubernetes.io/managed-by": "ipallocator.k8s.io",
  });
  const { code, message } = (await refusal(create({}))).toStatus();
  const why = 'Internal error occurred: failed to allocate a serviceIP for Service "s14": range is full';
  assert.deepEqual([code, message], [500, why]);
});

test("ServiceAllocator takes further ranges from ServiceCIDRs", async () => {
  const { create, send } = await start("10.0.0.0/30");
  await create({});
  await assert.rejects(create({}), /range is full/);
  const body = { metadata: { name: "more" }, spec: { cidrs: ["10.5.0.0/29"] } };
  await send("POST", "/apis/networking.k8s.io/v1/servicecidrs", body);
  assert.match((await create({})).spec!.clusterIP!, /^10\.5\.0\.[1-6]$/);
});

test("ServiceAllocator refuses addresses that are taken or in no range, and gives back what failed", async () => {
  const { create, addresses } = await start();
  await create({ clusterIP: "10.0.0.5" });
  const refused = async (ip: string, why: string): Promise<void> => {
    const { code, message } = (await refusal(create({ clusterIP: ip }))).toStatus();
    assert.equal(code, 422);
    assert.ok((message ?? "").includes(`failed to allocate IP ${ip}: ${why}`), message ?? "");
  };
  await refused("10.0.0.5", "provided IP is already allocated");
  for (const ip of ["10.1.0.5", "10.0.0.0", "10.0.0.15"])
    await refused(ip, "the provided network does not match the current range");
  const before = await addresses();
  await assert.rejects(create({ clusterIP: "10.0.0.6", ports: [] }), /spec.ports: Required value/);
  assert.deepEqual(await addresses(), before);
});

test("ServiceAllocator allocates nothing in a dry run", async () => {
  const { create, addresses } = await start();
  const before = await addresses();
  const { spec } = await create({ type: "NodePort" }, { dryRun: "All" });
  assert.deepEqual([spec!.clusterIP, spec!.ports![0]!.nodePort], ["10.0.0.0", 32769]);
  assert.deepEqual(await addresses(), before);
});

test("ServiceAllocator leaves headless services without an address", async () => {
  const { create } = await start();
  const { spec } = await create({ clusterIP: "None", selector: { a: "b" } });
  assert.deepEqual([spec?.clusterIP, spec?.clusterIPs, spec?.ipFamilies], ["None", ["None"], ["IPv4"]]);
});

test("ServiceAllocator gives node ports, one per number for all protocols", async () => {
  const { create } = await start();
  const ports = [
    { port: 53, protocol: "UDP", name: "u" },
    { port: 53, protocol: "TCP", name: "t" },
    { port: 80, protocol: "TCP", name: "h" },
  ];
  const { spec } = await create({ type: "NodePort", ports });
  const given = spec!.ports!.map((port) => port.nodePort);
  assert.equal(given[0], given[1]);
  assert.notEqual(given[0], given[2]);
  const nodePort = given[0];
  await assert.rejects(
    create({ type: "NodePort", ports: [{ port: 1, nodePort }] }),
    new RegExp(`spec.ports\\[0\\].nodePort: Invalid value: ${nodePort}: provided port is already allocated`),
  );
  await assert.rejects(
    create({ type: "NodePort", ports: [{ port: 1, nodePort: 80 }] }),
    /provided port is not in the valid range. The range of valid ports is 30000-30003/,
  );
  await create({ type: "NodePort", ports: [{ port: 1 }] });
  await create({ type: "NodePort", ports: [{ port: 1 }] });
  await assert.rejects(
    create({ type: "NodePort", ports: [{ port: 1 }] }),
    /failed to allocate a nodePort: range is full/,
  );
});

test("ServiceAllocator releases what an update or a delete no longer uses", async () => {
  const { create, send, addresses } = await start();
  const old = await create({ type: "NodePort", ports: [{ port: 80, nodePort: 30001 }] });
  const path = `${SERVICES}/${old.metadata.name}`;
  const spec = { ...old.spec, type: "ClusterIP", ports: [{ port: 80 }] };
  await send("PUT", path, { ...old, spec });
  await create({ type: "NodePort", ports: [{ port: 80, nodePort: 30001 }] });
  await send("DELETE", path);
  assert.equal((await addresses()).includes(old.spec!.clusterIP!), false);
  await create({ clusterIP: old.spec!.clusterIP! });
});

test(
  "Services repairs what a server without address objects left, and says so",
  { timeout: 60_000 },
  async () => {
    const opened = openMemoryStore();
    const first = await start("10.0.0.0/28", opened);
    const { spec } = await first.create({ type: "NodePort", ports: [{ port: 80, nodePort: 30002 }] });
    await servers.pop()!.close();
    const store = await opened;
    for (const key of [
      `/registry/networking.k8s.io/ipaddresses/${spec!.clusterIP}`,
      "/registry/core/rangeallocations/servicenodeports",
    ]) {
      const { revision } = (await store.get(key))!;
      await store.commit([{ key, value: undefined, ifRevision: revision }]);
    }
    const { create, send, addresses } = await start("10.0.0.0/28", opened);
    assert.ok((await addresses()).includes(spec!.clusterIP!));
    // in the background
    let told: readonly Event[] = [];
    while (told.length === 0) {
      await setImmediate();
      ({ items: told } = (await send("GET", EVENTS)) as unknown as { items: Event[] });
    }
    assert.deepEqual(
      told.map(({ reportingController, action, reason }) => [reportingController, action, reason]),
      [["ipallocator-repair-controller", "ClusterIPAllocation", "ClusterIPNotAllocated"]],
    );
    await assert.rejects(
      create({ type: "NodePort", ports: [{ port: 1, nodePort: 30002 }] }),
      /already allocated/,
    );
  },
);
