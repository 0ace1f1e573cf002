import assert from "node:assert/strict";
import { test } from "node:test";
import type { ServiceSpec } from "#api/core/v1/types.gen";
import { silentLogger } from "#apimachinery";
import { DIALECTS } from "./nftables/dialect.ts";
import type { NftRunner } from "./nftables/nft-runner.ts";
import { emptyPlan, plan, type ServicePlan } from "./plan.ts";
import { ServiceTable } from "./service-table.ts";

const nodePorts = { type: "some", ips: ["192.168.49.2"], hasLoopback: false } as const;
const AFFINE = { sessionAffinity: "ClientIP" };
const never = new AbortController().signal;

interface Fixture {
  readonly table: ServiceTable;
  readonly scripts: string[];
  readonly set: (
    services: Readonly<Record<string, ServicePlan>>,
    ranges?: readonly string[],
  ) => Promise<readonly string[]>;
}

/** `set` gives the lines of the last transaction, without the table's name. */
function fixture(
  fail: () => boolean = () => false,
  list: NftRunner["list"] = () => Promise.resolve(),
): Fixture {
  const scripts: string[] = [];
  const apply = async (script: string): Promise<void> => {
    if (fail()) throw new Error("nft says no");
    scripts.push(script);
  };
  const table = new ServiceTable({
    dialect: DIALECTS.IPv4,
    nft: { apply, list },
    serviceCIDRs: ["10.96.0.0/12"],
    masquerade: { clusterCIDRs: ["10.244.0.0/16"] },
    nodePorts,
  });
  return {
    table,
    scripts,
    async set(services, ranges = []) {
      const before = scripts.length;
      await table.commit(new Map(Object.entries(services)), ranges, never);
      return scripts.slice(before).flatMap((script) =>
        script
          .trim()
          .split("\n")
          .map((line) => line.replace(/ ip k8ts-proxy(-next)?/, "")),
      );
    },
  };
}

test("commit() writes a whole table first, and then only elements that differ", async () => {
  const { set, scripts } = fixture();
  await set({ a: web(["10.244.0.5", "10.244.0.6"]) });
  assert.match(scripts[0]!, /^add table ip k8ts-proxy\ndelete table/);
  assert.match(scripts[0]!, /add chain ip k8ts-proxy serving\n$/);
  assert.deepEqual(await set({ a: web(["10.244.0.7", "10.244.0.6"]) }), [
    "delete element endpoints-tcp { 10.96.0.97 . 80 . 0 }",
    "delete element hairpin-connections { 10.244.0.5 . 10.244.0.5 }",
    "add element endpoints-tcp { 10.96.0.97 . 80 . 0 : 10.244.0.7 . 8080 }",
    "add element hairpin-connections { 10.244.0.7 . 10.244.0.7 }",
  ]);
});

test("commit() changes as few elements for a service of many endpoints as for one of few", async () => {
  const { set } = fixture();
  const ips = Array.from({ length: 5_000 }, (_, i) => `10.244.${i >> 8}.${i & 255}`);
  await set({ a: web(ips) });
  const lines = await set({ a: web(ips.toSpliced(7, 1)) });
  const moved = `10.244.${4_999 >> 8}.${4_999 & 255}`;
  assert.deepEqual(
    lines.filter((line) => line.includes("element")),
    [
      "delete element endpoints-tcp { 10.96.0.97 . 80 . 7 , 10.96.0.97 . 80 . 4999 }",
      "delete element service-ips { 10.96.0.97 . tcp . 80 }",
      "delete element hairpin-connections { 10.244.0.7 . 10.244.0.7 }",
      `add element endpoints-tcp { 10.96.0.97 . 80 . 7 : ${moved} . 8080 }`,
      "add element service-ips { 10.96.0.97 . tcp . 80 : goto internal-endpoints-tcp-4999 }",
    ],
  );
  assert.equal(lines.length, 5 + 5, "one chain and the way to it made");
});

test("commit() lets services of equal size share chains", async () => {
  const { set } = fixture();
  await set({ a: web(["10.244.0.5"]) });
  const second = await set({ b: web(["10.244.0.6"], "b") });
  assert.equal(second.filter((line) => line.includes("chain")).length, 0);
  assert.equal((await set({ a: emptyPlan })).filter((line) => line.includes("chain")).length, 0);
  assert.equal((await set({ b: emptyPlan })).filter((line) => line.includes("chain")).length, 0);
  const again = await set({ b: web(["10.244.0.6"], "b") });
  assert.equal(again.filter((line) => line.includes("chain")).length, 0, "kept for the next");
});

test("commit() removes what it has kept for nobody for the longest time, and at once what belongs to a service", async () => {
  const { set } = fixture();
  const ips = Array.from({ length: 140 }, (_, i) => `10.244.0.${i}`);
  const removed: string[] = [];
  for (const size of ips.keys()) {
    const lines = await set({ a: web(ips.slice(0, size)) });
    removed.push(...lines.filter((line) => line.startsWith("delete chain")));
  }
  assert.deepEqual(removed.slice(0, 2), [
    "delete chain internal-endpoints-tcp-1",
    "delete chain internal-endpoints-tcp-2",
  ]);
  await set({ b: web(ips.slice(0, 1), "b", AFFINE) });
  const lines = await set({ b: emptyPlan });
  assert.equal(lines.filter((line) => /^delete (chain|map|set)/.test(line)).length, 5);
});

test("commit() knows the address of a service as long as one has it, also when the next one takes it over at once", async () => {
  const next = web(["10.244.0.6"], "b", { clusterIP: "10.96.0.97" });
  const { set } = fixture();
  const addressesOf = async (services: Readonly<Record<string, ServicePlan>>): Promise<readonly string[]> =>
    (await set(services)).filter((line) => line.includes("cluster-ips {"));
  assert.deepEqual(await addressesOf({ a: web([]) }), [
    "add set cluster-ips { type ipv4_addr ; }",
    "add element cluster-ips { 10.96.0.97 }",
  ]);
  assert.deepEqual(await addressesOf({ b: next, a: emptyPlan }), []);
  assert.deepEqual(await addressesOf({ b: emptyPlan, a: web([]) }), [
    "delete element cluster-ips { 10.96.0.97 }",
    "add element cluster-ips { 10.96.0.97 }",
  ]);
  assert.deepEqual(await addressesOf({ a: emptyPlan }), ["delete element cluster-ips { 10.96.0.97 }"]);
});

test("commit() of an equal plan runs nothing", async () => {
  const { set } = fixture();
  await set({ a: web(["10.244.0.5"], "a", { sessionAffinity: "ClientIP" }) });
  assert.deepEqual(await set({ a: web(["10.244.0.5"], "a", { sessionAffinity: "ClientIP" }) }), []);
});

test("commit() keeps an element that another service still needs", async () => {
  const { set } = fixture();
  await set({ a: web(["10.244.0.5"]), b: web(["10.244.0.5"], "b") });
  assert.doesNotMatch((await set({ a: emptyPlan })).join("\n"), /hairpin/);
  assert.match(
    (await set({ b: emptyPlan })).join("\n"),
    /delete element hairpin-connections \{ 10\.244\.0\.5 \. 10\.244\.0\.5 \}/,
  );
});

test("commit() gives an address that two services name to the first, and then to the other", async () => {
  const { set } = fixture();
  const shared = { externalIPs: ["198.51.100.1"] };
  await set({ a: web(["10.244.0.5"], "a", shared) });
  const second = (await set({ b: web(["10.244.0.6"], "b", shared) })).join("\n");
  assert.doesNotMatch(second, /198\.51\.100\.1/);
  const third = (await set({ a: emptyPlan })).join("\n");
  assert.match(third, /add element endpoints-tcp \{ 198\.51\.100\.1 \. 80 \. 0 : 10\.244\.0\.6 \. 8080/);
});

test("commit() gives an endpoint with session affinity a slot that none had before", async () => {
  const { set } = fixture();
  await set({ a: web(["10.244.0.5", "10.244.0.6"], "a", AFFINE) });
  const lines = await set({ a: web(["10.244.0.7", "10.244.0.6"], "a", AFFINE) });
  assert.match(lines.join("\n"), /delete element affinity-slots \{ 6b00:0 \}/);
  assert.match(lines.join("\n"), /add element affinity-slots \{ 6b00:2 : 10\.244\.0\.7 \. 8080 \}/);
  assert.equal(lines.filter((line) => line.includes("chain")).length, 0);
});

test("commit() of a whole table keeps clients of endpoints that are still there, and forgets the others", async () => {
  const lines: string[] = [];
  const { table, set, scripts } = fixture(undefined, async (asked, onLine) => {
    assert.equal(asked, "ip k8ts-proxy");
    for (const line of lines) onLine(line);
  });
  await set({ a: web(["10.244.0.5", "10.244.0.6"], "a", AFFINE) });
  const [, clients] = /add map ip k8ts-proxy (clients-\S+)/.exec(scripts.join("\n"))!;
  lines.push(
    "\tmap affinity-slots {",
    "\t\telements = { 6b00:0 : 10.244.0.5 . 8080, 6b00:1 : 10.244.0.6 . 8080 }",
    `\tmap ${clients} {`,
    "\t\ttimeout 3h",
    "\t\telements = { 192.0.2.1 expires 2h59m58s204ms : 6b00:0, 192.0.2.2 timeout 1m expires 9ms : 6b00:1,",
    "\t\t\t     192.0.2.3 expires 5s : 6b00:1, 192.0.2.4 expires 5s : 6b00:7 }",
    "\tmap clients-of-a-service-that-is-gone {",
    "\t\telements = { 192.0.2.5 expires 5s : 6b00:1 }",
  );
  const next = fixture(undefined, async (_, onLine) => lines.forEach((line) => onLine(line)));
  await next.table.open(never);
  const after = await next.set({ a: web(["10.244.0.9", "10.244.0.6"], "a", AFFINE) });
  assert.equal(table.isDamaged, false);
  assert.deepEqual(
    after.filter((line) => line.startsWith(`add element ${clients}`)),
    [`add element ${clients} { 192.0.2.2 expires 9ms : 6b00:1 , 192.0.2.3 expires 5s : 6b00:1 }`],
  );
});

test("commit() of a whole table does without clients that cannot be read, and tries no others twice", async () => {
  let isUnreadable = true;
  const refusals = ["192.0.2.7"];
  const scripts: string[] = [];
  const warnings: string[] = [];
  const logger = { ...silentLogger, warn: (message: string) => void warnings.push(message) };
  let clients = "";
  const table = new ServiceTable({
    dialect: DIALECTS.IPv4,
    nft: {
      async apply(script) {
        if (refusals.some((text) => script.includes(text))) throw new Error("nft says no");
        clients = /add map ip \S+ (clients-\S+)/.exec(script)?.[1] ?? clients;
        scripts.push(script);
      },
      async list(_, onLine) {
        if (isUnreadable) throw new Error("nft shows nothing");
        onLine("map affinity-slots {");
        onLine("elements = { 6b00:0 : 10.244.0.5 . 8080 }");
        onLine(`map ${clients} {`);
        onLine("elements = { 192.0.2.7 expires 5s : 6b00:0 }");
      },
    },
    serviceCIDRs: [],
    masquerade: { clusterCIDRs: [] },
    nodePorts,
    logger,
  });
  const plans = new Map([["a", web(["10.244.0.5"], "a", AFFINE)]]);
  await table.open(never);
  await table.commit(plans, [], never);
  assert.equal(warnings.length, 1, "nothing could be read");
  isUnreadable = false;
  refusals.push("198.51.100.9");
  await assert.rejects(
    table.commit(new Map([["b", web([], "b", { externalIPs: ["198.51.100.9"] })]]), [], never),
  );
  refusals.pop();
  await assert.rejects(table.commit(plans, [], never), /nft says no/, "a client that nft refuses");
  await table.commit(plans, [], never);
  assert.doesNotMatch(scripts.at(-1)!, /192\.0\.2\.7/);
});

test("commit() fills a table in chunks that does not serve until it is whole", async () => {
  const { set, scripts } = fixture();
  const ips = Array.from({ length: 3_000 }, (_, i) => `10.244.${i >> 8}.${i & 255}`);
  await set(Object.fromEntries(["a", "b", "c", "d", "e", "f"].map((name) => [name, web(ips, name)])));
  assert.ok(scripts.length > 1);
  for (const script of scripts.slice(0, -1)) assert.doesNotMatch(script, / hook /);
  assert.match(scripts.at(-1)!, / hook /);
});

test("commit() is damaged after a failure until another table was written and has taken over", async () => {
  let fails = false;
  const { set, table, scripts } = fixture(() => fails);
  await set({});
  fails = true;
  await assert.rejects(set({ a: web(["10.244.0.5"]) }), /nft says no/);
  assert.equal(table.isDamaged, true);
  fails = false;
  await set({ a: web(["10.244.0.5"]) });
  assert.equal(table.isDamaged, false);
  assert.match(scripts.at(-1)!, /^add table ip k8ts-proxy-next\n/);
  assert.match(scripts.at(-1)!, /\ndelete table ip k8ts-proxy\n/);
});

test("open() leaves a table that serves, and else closes the service range", async () => {
  const { table, scripts, set } = fixture();
  await table.open(never);
  assert.deepEqual(scripts, [
    "flush chain ip k8ts-proxy serving\n",
    "flush chain ip k8ts-proxy-next serving\n",
  ]);
  await set({});
  assert.match(scripts.at(-1)!, /^add table ip k8ts-proxy\n/);
  const probes = [true, true, false];
  const fresh = fixture(() => probes.shift() ?? false);
  await fresh.table.open(never);
  assert.match(fresh.scripts[0]!, /service-ranges \{ 10\.96\.0\.0\/12 \}/);
  assert.match(fresh.scripts[0]!, / hook /);
});

test("commit() closes the ranges of ServiceCIDRs besides its own, and no range twice", async () => {
  const { set } = fixture();
  const first = await set({}, ["10.96.0.0/16", "2001:db8::/112"]);
  assert.deepEqual(
    first.filter((line) => line.startsWith("add element service-ranges")),
    ["add element service-ranges { 10.96.0.0/12 }"],
  );
  assert.deepEqual(await set({}, ["10.200.0.0/24"]), ["add element service-ranges { 10.200.0.0/24 }"]);
  assert.deepEqual(await set({}, ["10.192.0.0/12", "10.200.0.0/24"]), [
    "delete element service-ranges { 10.200.0.0/24 }",
    "add element service-ranges { 10.192.0.0/12 }",
  ]);
});

function web(ips: readonly string[], name = "a", spec: Partial<ServiceSpec> = {}): ServicePlan {
  const address = `10.96.0.${name.charCodeAt(0)}`;
  return plan(
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name, namespace: "default" },
      spec: { clusterIP: address, ports: [{ port: 80 }], ...spec },
    },
    [
      {
        apiVersion: "discovery.k8s.io/v1",
        kind: "EndpointSlice",
        metadata: { name: `${name}-1`, namespace: "default" },
        addressType: "IPv4",
        ports: [{ port: 8080 }],
        endpoints: ips.map((ip) => ({ addresses: [ip], nodeName: "n1" })),
      },
    ],
    { family: "IPv4", nodeName: "n1", nodeIPs: [] },
  );
}
