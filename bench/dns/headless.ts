/** How long the name server is busy at one go with a headless service of 5,000 endpoints. @module */
import { encode } from "dns-packet";
import type { Service } from "#api/core/v1/types.gen";
import type { EndpointSlice } from "#api/discovery/v1/types.gen";
import { answerFromZone, parseQuery, type Query } from "../../src/dns/answer.ts";
import { Zone } from "../../src/dns/zone.ts";

const DOMAIN = "cluster.local";
const ENDPOINTS = 5_000;
const KEY = "default/big";
const service: Service = {
  apiVersion: "v1",
  kind: "Service",
  metadata: { name: "big", namespace: "default" },
  spec: { clusterIP: "None" },
};
const QUESTIONS = [
  ["A", "big.default.svc.cluster.local"],
  ["SRV", "_http._tcp.big.default.svc.cluster.local"],
  ["A", "big-77.big.default.svc.cluster.local"],
] as const;

/** By what was done in the turn, the least of `runs`, in ms. */
export function turnsOf(perSlice: number, runs: number): Readonly<Record<string, number>> {
  const least: Record<string, number> = {};
  for (let run = 0; run < runs; run++) {
    const worst: Record<string, number> = {};
    const turn = (what: string, work: () => unknown): void => {
      const begin = performance.now();
      work();
      worst[what] = Math.max(worst[what] ?? 0, performance.now() - begin);
    };
    oneRun(perSlice, turn);
    for (const [what, ms] of Object.entries(worst)) least[what] = Math.min(least[what] ?? ms, ms);
  }
  return least;
}

function oneRun(perSlice: number, turn: (what: string, work: () => unknown) => void): void {
  const zone = new Zone(DOMAIN, () => true);
  const slices = Array.from({ length: ENDPOINTS / perSlice }, (_, index) => sliceOf(index, perSlice, true));
  for (const slice of slices) turn("slice comes", () => zone.setSlice(KEY, keyOf(slice), slice));
  turn("service comes", () => zone.setService(service, () => slices));
  const changed = sliceOf(1, perSlice, false);
  turn("slice changes", () => zone.setSlice(KEY, keyOf(changed), changed));
  for (const [type, name] of QUESTIONS)
    for (const overTcp of [false, true]) {
      const query = queryOf(type, name, overTcp);
      const what = `${name === QUESTIONS[2][1] ? "one endpoint" : type} by ${overTcp ? "TCP" : "UDP"}`;
      turn(what, () => answerFromZone(query, zone, DOMAIN, 1, 0));
      const again = sliceOf(2, perSlice, overTcp);
      turn("slice changes", () => zone.setSlice(KEY, keyOf(again), again));
    }
  turn("service goes", () => zone.deleteService(KEY));
}

function sliceOf(index: number, count: number, firstIsReady: boolean): EndpointSlice {
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { name: `big-${index}`, namespace: "default" },
    addressType: "IPv4",
    ports: [{ name: "http", port: 80, protocol: "TCP" }],
    endpoints: Array.from({ length: count }, (_, i) => ({
      addresses: [`10.${index}.${i >> 8}.${i & 255}`],
      hostname: `big-${index * count + i}`,
      conditions: { ready: i > 0 || firstIsReady },
    })),
  };
}

function keyOf({ metadata }: EndpointSlice): string {
  return `${metadata.namespace}/${metadata.name}`;
}

function queryOf(type: "A" | "SRV", name: string, overTcp: boolean): Query {
  const query = parseQuery(
    encode({ type: "query", id: 1, flags: 0x0100, questions: [{ type, name }] }),
    overTcp,
  );
  if (query === undefined || Buffer.isBuffer(query)) throw new Error(`no question: ${name}`);
  return query;
}
