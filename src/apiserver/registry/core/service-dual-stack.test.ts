import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import type { KubeObject } from "#apimachinery";
import type { Service, ServiceSpec } from "#api/core/v1/types.gen";
import { openMemoryStore } from "#storage";
import { createApiServer, type ApiServer } from "../../index.ts";
import { refusal } from "../../server-fixture.ts";
import { serviceRangesOfFlag } from "./service-ranges.ts";

const signal = new AbortController().signal;
const SERVICES = "/api/v1/namespaces/default/services";
const V4 = "10.0.0.0/24";
const V6 = "fd00:10:96::/112";
const servers: ApiServer[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

interface Fixture {
  readonly create: (spec: object, query?: Record<string, string>) => Promise<Service>;
  readonly update: (service: Service, spec: object) => Promise<Service>;
  readonly get: (path: string) => Promise<KubeObject & { items: readonly KubeObject[] }>;
}

async function start(serviceCIDR: string, store = openMemoryStore()): Promise<Fixture> {
  const server = await createApiServer({ store: await store, serviceCIDR, random: () => 0.3 });
  servers.push(server);
  const transport = server.transport();
  let count = 0;
  return {
    create: async (spec, query = {}) => {
      const body = { metadata: { name: `s${++count}` }, spec: { ports: [{ port: 80 }], ...spec } };
      return (await transport.request({ method: "POST", path: SERVICES, body, query }, signal))
        .body as Service;
    },
    update: async ({ metadata, spec }, change) => {
      const path = `${SERVICES}/${metadata.name}`;
      const body = { metadata: { name: metadata.name }, spec: { ...spec, ...change } };
      return (await transport.request({ method: "PUT", path, body }, signal)).body as Service;
    },
    get: async (path) =>
      (await transport.request({ method: "GET", path }, signal)).body as Awaited<ReturnType<Fixture["get"]>>,
  };
}

/** What of a Service is about families; addresses as their families. */
function shown({ spec }: Service): string {
  const { ipFamilyPolicy, ipFamilies = [], clusterIPs = [], clusterIP } = spec!;
  assert.equal(clusterIP, clusterIPs[0]);
  const ips = clusterIPs.map((ip) => (ip === "None" ? ip : ip.includes(":") ? "6" : "4"));
  return `${ipFamilyPolicy} ${ipFamilies.join()} ${ips.join()}`;
}

const selector = { app: "web" };
const created: readonly (readonly [cluster: string, what: string, spec: ServiceSpec, expected: string])[] = [
  ["4", "nothing said", {}, "SingleStack IPv4 4"],
  ["6", "nothing said", {}, "SingleStack IPv6 6"],
  ["64", "nothing said", {}, "SingleStack IPv6 6"],
  ["46", "one family", { ipFamilies: ["IPv6"] }, "SingleStack IPv6 6"],
  ["46", "prefer", { ipFamilyPolicy: "PreferDualStack" }, "PreferDualStack IPv4,IPv6 4,6"],
  ["4", "prefer", { ipFamilyPolicy: "PreferDualStack" }, "PreferDualStack IPv4 4"],
  ["64", "require", { ipFamilyPolicy: "RequireDualStack" }, "RequireDualStack IPv6,IPv4 6,4"],
  [
    "46",
    "the other first",
    { ipFamilyPolicy: "RequireDualStack", ipFamilies: ["IPv6"] },
    "RequireDualStack IPv6,IPv4 6,4",
  ],
  [
    "46",
    "an address of the other family",
    { clusterIP: "fd00:10:96::77", ipFamilyPolicy: "PreferDualStack" },
    "PreferDualStack IPv6,IPv4 6,4",
  ],
  ["46", "headless", { clusterIP: "None", selector }, "SingleStack IPv4 None"],
  [
    "46",
    "headless, prefer",
    { clusterIP: "None", selector, ipFamilyPolicy: "PreferDualStack" },
    "PreferDualStack IPv4,IPv6 None",
  ],
  ["4", "headless without a selector", { clusterIP: "None" }, "RequireDualStack IPv4,IPv6 None"],
  ["64", "headless without a selector", { clusterIP: "None" }, "RequireDualStack IPv6,IPv4 None"],
  [
    "4",
    "headless without a selector, single",
    { clusterIP: "None", ipFamilyPolicy: "SingleStack", ipFamilies: ["IPv6"] },
    "SingleStack IPv6 None",
  ],
];

const CLUSTERS: Readonly<Record<string, string>> = { 4: V4, 6: V6, 46: `${V4},${V6}`, 64: `${V6},${V4}` };

for (const [cluster, what, spec, expected] of created) {
  test(`ServiceAllocator gives families in a cluster of ${cluster}: ${what}`, async () => {
    const { create } = await start(CLUSTERS[cluster]!);
    assert.equal(shown(await create(spec, { dryRun: "All" })), expected);
    assert.equal(shown(await create(spec)), expected);
  });
}

const refused: readonly (readonly [cluster: string, spec: ServiceSpec, message: RegExp])[] = [
  [
    "4",
    { ipFamilyPolicy: "RequireDualStack" },
    /spec.ipFamilyPolicy: Invalid value: "RequireDualStack": this cluster is not configured for dual-stack services/,
  ],
  [
    "4",
    { ipFamilies: ["IPv6"] },
    /spec.ipFamilies\[0\]: Invalid value: "IPv6": not configured on this cluster/,
  ],
  [
    "4",
    { clusterIP: "fd00:10:96::7" },
    /spec.clusterIPs\[0\]: Invalid value: \["fd00:10:96::7"\]: IPv6 is not configured on this cluster/,
  ],
  [
    "46",
    { ipFamilies: ["IPv4", "IPv6"] },
    /spec.ipFamilyPolicy: Invalid value: "SingleStack": must be 'RequireDualStack' or 'PreferDualStack' when multiple IP families are specified/,
  ],
  [
    "46",
    { clusterIP: "10.0.0.9", clusterIPs: ["10.0.0.9", "fd00:10:96::9"] },
    /must be 'RequireDualStack' or 'PreferDualStack' when multiple cluster IPs are specified/,
  ],
  ["46", { ipFamilyPolicy: "PreferDualStack", ipFamilies: ["IPv6", "IPv6"] }, /Duplicate value: "IPv6"/],
  [
    "46",
    { clusterIP: "10.0.0.9", ipFamilies: ["IPv6"] },
    /expected an IPv6 value as indicated by `ipFamilies\[0\]`/,
  ],
  [
    "6",
    { clusterIP: "fd00:10:96::" },
    /failed to allocate IP fd00:10:96::: the provided network does not match/,
  ],
];

for (const [cluster, spec, message] of refused) {
  test(`ServiceAllocator refuses in a cluster of ${cluster}: ${JSON.stringify(spec)}`, async () => {
    const { create } = await start(CLUSTERS[cluster]!);
    const { code, message: why = "" } = (await refusal(create(spec))).toStatus();
    assert.equal(code, 422);
    assert.match(why, message);
  });
}

test("ServiceAllocator adds and releases the second address when the policy changes", async () => {
  const { create, update, get } = await start(CLUSTERS[46]!);
  const addresses = async (): Promise<readonly string[]> =>
    (await get("/apis/networking.k8s.io/v1/ipaddresses")).items.map(({ metadata }) => metadata.name);
  const single = await create({});
  const dual = await update(single, { ipFamilyPolicy: "RequireDualStack" });
  assert.equal(shown(dual), "RequireDualStack IPv4,IPv6 4,6");
  assert.equal(dual.spec!.clusterIP, single.spec!.clusterIP);
  const second = dual.spec!.clusterIPs![1]!;
  assert.ok((await addresses()).includes(second));
  assert.deepEqual((await get(`/apis/networking.k8s.io/v1/ipaddresses/${second}`)).metadata.labels, {
    "ipaddress.kubernetes.io/ip-family": "IPv6",
    "ipaddress.kubernetes.io/managed-by": "ipallocator.k8s.io",
  });
  const less = { clusterIPs: [dual.spec!.clusterIP!], ipFamilies: ["IPv4"] };
  assert.match(
    (await refusal(update(dual, less))).message,
    /must be 'SingleStack' to release the secondary cluster IP.*must be 'SingleStack' to release the secondary IP family/,
  );
  assert.equal(shown(await update(dual, { ipFamilyPolicy: "SingleStack" })), "SingleStack IPv4 4");
  assert.ok(!(await addresses()).includes(second));
  assert.equal(
    shown(await create({ ...single.spec, clusterIP: "10.0.0.99", clusterIPs: ["10.0.0.99"] })),
    "SingleStack IPv4 4",
  );
});

test("ServiceAllocator releases both addresses with the type, and keeps the first for ever", async () => {
  const { create, update, get } = await start(CLUSTERS[64]!);
  const dual = await create({ ipFamilyPolicy: "PreferDualStack" });
  const moved = {
    clusterIP: "fd00:10:96::1234",
    clusterIPs: ["fd00:10:96::1234", dual.spec!.clusterIPs![1]!],
  };
  assert.match(
    (await refusal(update(dual, moved))).message,
    /spec.clusterIPs\[0\]: .*may not change once set/,
  );
  const external = await update(dual, { type: "ExternalName", externalName: "example.org", ports: [] });
  assert.equal(external.spec!.clusterIPs, undefined);
  assert.equal(external.spec!.ipFamilies, undefined);
  const { items } = await get("/apis/networking.k8s.io/v1/ipaddresses");
  assert.deepEqual(
    items.map(({ metadata }) => metadata.name),
    ["fd00:10:96::1"],
  );
});

test("ServiceAllocator leaves PreferDualStack services alone when the cluster becomes one of two families", async () => {
  const store = openMemoryStore();
  const one = await start(V4, store);
  const service = await one.create({ ipFamilyPolicy: "PreferDualStack" });
  await servers.pop()!.close();
  const two = await start(CLUSTERS[46]!, store);
  const cidr = (await two.get("/apis/networking.k8s.io/v1/servicecidrs/kubernetes")) as unknown as {
    spec: { cidrs: readonly string[] };
  };
  assert.deepEqual(cidr.spec.cidrs, [V4, V6]);
  assert.equal(shown(await two.update(service, { ports: [{ port: 81 }] })), "PreferDualStack IPv4 4");
  assert.equal(
    shown(await two.update(service, { ipFamilyPolicy: "RequireDualStack" })),
    "RequireDualStack IPv4,IPv6 4,6",
  );
});

test("the kubernetes Service is of the first family alone", async () => {
  const { get } = await start(CLUSTERS[64]!);
  const service = (await get(`${SERVICES}/kubernetes`)) as unknown as Service;
  assert.equal(shown(service), "SingleStack IPv6 6");
  assert.equal(service.spec!.clusterIP, "fd00:10:96::1");
});

const cidrs = (flag: string): readonly string[] => serviceRangesOfFlag(flag).map(({ cidr }) => cidr);

test("serviceRangesOfFlag takes one range, or one of each family", () => {
  assert.deepEqual(cidrs("10.96.0.0/12"), ["10.96.0.0/12"]);
  assert.deepEqual(cidrs("fd00::/108, 10.96.0.0/12"), ["fd00::/108", "10.96.0.0/12"]);
  assert.throws(() => cidrs(""), /must contain at least one valid cidr/);
  assert.throws(() => cidrs("10.0.0.0/24,10.1.0.0/24"), /must be of different IP family/);
  assert.throws(() => cidrs("10.0.0.0/24,fd00::/64,fd01::/64"), /must not contain more than two entries/);
  assert.throws(() => cidrs("fd00::/56"), /shortest allowed prefix length for service CIDR is 64, got 56/);
});
