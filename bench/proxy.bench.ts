/**
 * kube-proxy with 10,000 services of two endpoints each, in network namespaces of its own: from nothing to all rules, one
 * service that changes, and what a connection through a cluster address costs more than a direct one.
 *
 * The sketch: a service is six elements, 260 bytes of text, and no chain of its own; 60,000 elements are half a second's work for nft and
 * the kernel, planning is 0.2 s. One that changes is two elements, and what nft needs to start and to read the few chains and maps
 * there are: 10 ms. A packet's way is three lookups in hash maps and one in connection tracking: 10 µs. Beside the times here
 * the proxy waits 5 ms for more changes.
 *
 * The limits are the kernel's own: as many elements into one map, one element into an empty map, a connection without a service.
 *
 *     node bench/proxy.bench.ts          needs root and nft
 * @module
 */
import { once } from "node:events";
import { setImmediate } from "node:timers/promises";
import type { Service } from "#api/core/v1/types.gen";
import type { EndpointSlice } from "#api/discovery/v1/types.gen";
import { median, quantile, report, round, skip } from "#bench";
import { systemNft, type NftRunner } from "#proxy";
import { nodePortAddresses } from "../src/proxy/addresses.ts";
import { DIALECTS } from "../src/proxy/nftables/dialect.ts";
import { plan, type ServicePlan } from "../src/proxy/plan.ts";
import { ServiceTable } from "../src/proxy/service-table.ts";
import {
  CLIENT_IP,
  enter,
  makeNamespaces,
  NODE_IP,
  type Namespaces,
} from "../src/proxy/testing/namespaces.ts";
import { execFileSync } from "node:child_process";

const SERVICES = 10_000;
const COLD_RUNS = 1;
const CHANGES = 40;
const CONNECTIONS = 400;
const PORT = 8080;
const SERVICE_CIDR = "10.96.0.0/12";
const PLACE = { family: "IPv4", nodeName: "n1", nodeIPs: [NODE_IP] } as const;
const LARGE = 5_000;
const TURN_RUNS = 9;
const never = new AbortController().signal;

if (process.geteuid?.() !== 0) skip("proxy", "needs root to make network namespaces");
else await inNamespaces();

async function inNamespaces(): Promise<void> {
  const namespaces = makeNamespaces("bench");
  try {
    const nft = systemNft(enter(namespaces.node));
    const table = await benchColdStart(nft);
    await benchChange(nft, table);
    for (const sessionAffinity of ["None", "ClientIP"]) {
      await benchLarge(nft, table, sessionAffinity);
      await benchTurns(nft, sessionAffinity);
    }
    await benchFirstPacket(namespaces, table);
  } finally {
    namespaces.remove();
  }
}

async function benchColdStart(nft: NftRunner): Promise<ServiceTable> {
  const times: number[] = [];
  const planning: number[] = [];
  const floors: number[] = [];
  let table: ServiceTable | undefined;
  for (let i = 0; i < COLD_RUNS; i++) {
    floors.push(await timeOf(() => nft.apply(floorMap(2 * SERVICES), never)));
    const begin = performance.now();
    table = newTable(nft);
    const plans = new Map<string, ServicePlan>();
    for (let n = 0; n < SERVICES; n++) plans.set(`default/web-${n}`, planOf(n, 0));
    planning.push(performance.now() - begin);
    await table.commit(plans, [], never);
    times.push(performance.now() - begin);
  }
  await nft.apply("delete table ip k8ts-bench\n", never);
  report({
    name: "proxy: cold start, 10,000 services of two endpoints",
    value: median(times),
    unit: "ms",
    limit: { value: median(floors), name: "20,000 elements into one nftables map" },
    runs: COLD_RUNS,
    also: { planningMs: round(median(planning)) },
  });
  return table!;
}

function newTable(nft: NftRunner): ServiceTable {
  return new ServiceTable({
    dialect: DIALECTS.IPv4,
    nft,
    serviceCIDRs: [SERVICE_CIDR],
    masquerade: { clusterCIDRs: [`${CLIENT_IP}/32`] },
    nodePorts: nodePortAddresses([], { family: "IPv4", nodeIPs: [NODE_IP], own: [] }),
  });
}

async function benchChange(nft: NftRunner, table: ServiceTable): Promise<void> {
  const times: number[] = [];
  const floors: number[] = [];
  await nft.apply(floorMap(1), never);
  for (let i = 1; i <= CHANGES; i++) {
    floors.push(await timeOf(() => nft.apply(`add element ip k8ts-bench m { ${elementOf(i)} }\n`, never)));
    const n = (i * 37) % SERVICES;
    times.push(await timeOf(() => table.commit(new Map([[`default/web-${n}`, planOf(n, i)]]), [], never)));
  }
  report({
    name: "proxy: one service of 10,000 changes its endpoints",
    value: median(times),
    unit: "ms",
    limit: { value: median(floors), name: "nft adds one element to an empty map" },
    runs: CHANGES,
    also: { p90: round(quantile(times, 0.9)) },
  });
}

/** Slices of a hundred endpoints, of which one changes at a time, as the API hands them out. */
async function benchLarge(nft: NftRunner, table: ServiceTable, sessionAffinity: string): Promise<void> {
  const service = serviceOf(SERVICES);
  const large = { ...service, spec: { ...service.spec!, sessionAffinity } };
  const ips = Array.from({ length: LARGE }, (_, i) => `10.246.${i >> 8}.${i & 255}`);
  const slices = Array.from({ length: LARGE / 100 }, (_, i) => sliceOf(i, ips.slice(i * 100, i * 100 + 100)));
  const times: number[] = [];
  const planning: number[] = [];
  const floors: number[] = [];
  await table.commit(new Map([["default/large", plan(large, slices, PLACE)]]), [], never);
  await nft.apply(floorMap(1), never);
  for (let i = 1; i <= CHANGES; i++) {
    floors.push(await timeOf(() => nft.apply(`add element ip k8ts-bench m { ${elementOf(i)} }\n`, never)));
    slices[i] = sliceOf(i, ips.slice(i * 100 + 1, i * 100 + 100));
    const begin = performance.now();
    const planned = plan(large, slices, PLACE);
    planning.push(performance.now() - begin);
    await table.commit(new Map([["default/large", planned]]), [], never);
    times.push(performance.now() - begin);
  }
  report({
    name: `proxy: one endpoint of 5,000 goes, session affinity ${sessionAffinity}`,
    value: median(times),
    unit: "ms",
    limit: { value: median(floors), name: "nft adds one element to an empty map" },
    runs: CHANGES,
    also: { p90: round(quantile(times, 0.9)), planningMs: round(median(planning)) },
  });
}

/** How long others wait for the event loop while the first table of a large service is written. */
async function benchTurns(nft: NftRunner, sessionAffinity: string): Promise<void> {
  const service = serviceOf(SERVICES);
  const large = { ...service, spec: { ...service.spec!, sessionAffinity } };
  const ips = Array.from({ length: LARGE }, (_, i) => `10.246.${i >> 8}.${i & 255}`);
  const longest: number[] = [];
  for (let i = 0; i < TURN_RUNS; i++) {
    const planned = plan(large, [sliceOf(0, ips)], PLACE);
    const table = newTable({ ...nft, apply: () => Promise.resolve() });
    longest.push(await longestTurn(() => table.commit(new Map([["default/large", planned]]), [], never)));
  }
  report({
    name: `proxy: longest turn while a service of 5,000 endpoints is written, session affinity ${sessionAffinity}`,
    // the least: whatever else the machine does only adds to it
    value: Math.min(...longest),
    unit: "ms",
    limit: { value: 10, name: "what nothing may hold the event loop for" },
    runs: TURN_RUNS,
    also: { median: round(median(longest)) },
  });
}

async function longestTurn(run: () => Promise<void>): Promise<number> {
  const done = new AbortController();
  const watch = async (): Promise<number> => {
    let longest = 0;
    while (!done.signal.aborted) {
      const begin = performance.now();
      await setImmediate();
      longest = Math.max(longest, performance.now() - begin);
    }
    return longest;
  };
  const watching = watch();
  await run();
  done.abort();
  return watching;
}

async function benchFirstPacket(namespaces: Namespaces, table: ServiceTable): Promise<void> {
  const service = serviceOf(0);
  const local = plan(service, [sliceOf(0, [NODE_IP])], PLACE);
  await table.commit(new Map([["default/web-0", local]]), [], never);
  execFileSync("ip", ["-n", namespaces.client, "route", "add", SERVICE_CIDR, "via", NODE_IP]);
  await namespaces.serve(PORT);
  const code = `const { connect } = require("net"); const { performance } = require("perf_hooks");
    const one = (host, port) => new Promise((done, fail) => { const begin = performance.now();
      const s = connect({ host, port }, () => { const ms = performance.now() - begin; s.destroy(); done(ms); }); s.on("error", fail); });
    (async () => { const direct = [], service = [];
      for (let i = 0; i < ${CONNECTIONS}; i++) { direct.push(await one("${NODE_IP}", ${PORT})); service.push(await one("${service.spec!.clusterIP!}", 80)); }
      console.log(JSON.stringify({ direct, service })); })();`;
  const child = namespaces.spawn(namespaces.client, code);
  let text = "";
  child.stdout!.setEncoding("utf8").on("data", (part: string) => (text += part));
  await once(child, "close");
  const times = JSON.parse(text) as { direct: number[]; service: number[] };
  report({
    name: "proxy: first packet through a cluster address among 10,000 (TCP connect)",
    value: median(times.service),
    unit: "ms",
    limit: { value: median(times.direct), name: "to the endpoint itself" },
    runs: CONNECTIONS,
    also: { p99: round(quantile(times.service, 0.99)), limitP99: round(quantile(times.direct, 0.99)) },
  });
}

async function timeOf(run: () => Promise<void>): Promise<number> {
  const begin = performance.now();
  await run();
  return performance.now() - begin;
}

function planOf(n: number, generation: number): ServicePlan {
  const ip = (index: number): string => `10.244.${(n >> 7) & 255}.${((n & 127) << 1) + index}`;
  const second = generation === 0 ? ip(1) : `10.245.${generation & 255}.${n & 255}`;
  return plan(serviceOf(n), [sliceOf(n, [ip(0), second])], PLACE);
}

function serviceOf(n: number): Service {
  const clusterIP = `10.100.${n >> 8}.${n & 255}`;
  const metadata = { name: `web-${n}`, namespace: "default" };
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata,
    spec: { type: "ClusterIP", clusterIP, ports: [{ port: 80 }] },
  };
}

function sliceOf(n: number, ips: readonly string[]): EndpointSlice {
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { name: `web-${n}-1`, namespace: "default" },
    addressType: "IPv4",
    ports: [{ port: PORT, protocol: "TCP" }],
    endpoints: ips.map((ip) => ({ addresses: [ip], nodeName: "n1", conditions: { ready: true } })),
  };
}

function floorMap(count: number): string {
  const elements = Array.from({ length: count }, (_, i) => elementOf(1_000_000 + i)).join(" , ");
  const map = "ip k8ts-bench m";
  const type = "type ipv4_addr . inet_service : ipv4_addr . inet_service ;";
  return [
    "add table ip k8ts-bench",
    "delete table ip k8ts-bench",
    "add table ip k8ts-bench",
    `add map ${map} { ${type} }`,
    `add element ${map} { ${elements} }`,
    "",
  ].join("\n");
}

function elementOf(n: number): string {
  return `10.${(n >> 16) & 255}.${(n >> 8) & 255}.${n & 255} . 80 : 10.244.0.1 . 8080`;
}
