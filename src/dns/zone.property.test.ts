/** The zone after any changes is the one that is made from what there is in the end, by rules that are written down a second time here. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  array,
  assert as check,
  constantFrom,
  oneof,
  property,
  record,
  tuple,
  type Arbitrary,
} from "fast-check";
import type { Service, ServiceSpec } from "#api/core/v1/types.gen";
import type { Endpoint, EndpointSlice } from "#api/discovery/v1/types.gen";
import type { RecordData } from "./records.ts";
import { Zone } from "./zone.ts";

const DOMAIN = "c.l";
const RUNS = 400;
const CHANGES_MAX = 30;
const HTTP = { name: "http", protocol: "TCP", port: 80 };
const PORTS = [
  HTTP,
  { name: "http", protocol: "TCP", port: 81 },
  { name: "dns", protocol: "UDP", port: 53 },
  { port: 9 },
];
const SPECS: readonly ServiceSpec[] = [
  { clusterIP: "None", ports: [HTTP] },
  { clusterIP: "None", publishNotReadyAddresses: true },
  { clusterIP: "10.0.0.1", ports: [HTTP, { port: 9 }] },
  { clusterIP: "10.0.0.9", clusterIPs: ["10.0.0.9", "fd00::9"], ports: [HTTP] },
  { type: "ExternalName", externalName: "example.org." },
];
const V4 = ["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"];
const V6 = ["fd00::1", "fd00::2", "fd00:0:0:1::3"];
const SERVICES = ["a", "b"];
const SLICES = ["s0", "s1", "s2", "s3"];

type Change =
  | { readonly service: string; readonly spec: ServiceSpec | undefined }
  | { readonly slice: string; readonly of: string; readonly holds: Partial<EndpointSlice> | undefined };

function endpoints(addresses: readonly string[]): Arbitrary<readonly Endpoint[]> {
  const some: Arbitrary<Endpoint> = record(
    {
      addresses: array(constantFrom(...addresses), { minLength: 1, maxLength: 2 }),
      hostname: constantFrom("", "h0", "h1"),
      conditions: record(
        {
          ready: constantFrom(true, false),
          serving: constantFrom(true, false),
          terminating: constantFrom(true, false),
        },
        { requiredKeys: [] },
      ),
    },
    { requiredKeys: ["addresses"] },
  );
  return array(some, { maxLength: 5 });
}

const holds = oneof(
  ...[["IPv4", V4] as const, ["IPv6", V6] as const, ["FQDN", ["x.example"]] as const].map(
    ([addressType, addresses]) =>
      tuple(endpoints(addresses), array(constantFrom(...PORTS), { maxLength: 3 })).map(([some, ports]) => ({
        addressType,
        endpoints: some,
        ports,
      })),
  ),
);
const change: Arbitrary<Change> = oneof(
  {
    weight: 2,
    arbitrary: record({ service: constantFrom(...SERVICES), spec: constantFrom(undefined, ...SPECS) }),
  },
  {
    weight: 5,
    arbitrary: record({
      slice: constantFrom(...SLICES),
      of: constantFrom(...SERVICES),
      holds: oneof({ weight: 1, arbitrary: constantFrom(undefined) }, { weight: 5, arbitrary: holds }),
    }),
  },
);

test("Zone after any changes answers as one made anew from what there is", () => {
  check(
    property(array(change, { maxLength: CHANGES_MAX }), (changes) => {
      const services = new Map<string, Service>();
      const slices = new Map<string, { readonly of: string; readonly slice: EndpointSlice }>();
      const zone = new Zone(DOMAIN, (name) => name === "n");
      const slicesOf = (name: string): readonly EndpointSlice[] =>
        [...slices.values()].filter(({ of }) => of === name).map(({ slice }) => slice);
      for (const one of changes) {
        if ("service" in one) {
          const { service: name, spec } = one;
          if (spec === undefined) {
            services.delete(name);
            zone.deleteService(`n/${name}`);
            continue;
          }
          const service: Service = {
            apiVersion: "v1",
            kind: "Service",
            metadata: { name, namespace: "n" },
            spec,
          };
          services.set(name, service);
          zone.setService(service, () => slicesOf(name));
          continue;
        }
        const { slice: name, of } = one;
        const before = slices.get(name);
        if (before !== undefined) zone.setSlice(`n/${before.of}`, `n/${name}`, undefined);
        slices.delete(name);
        if (one.holds === undefined) continue;
        const slice = {
          apiVersion: "discovery.k8s.io/v1",
          kind: "EndpointSlice",
          metadata: { name, namespace: "n" },
          ...one.holds,
        };
        slices.set(name, { of, slice: slice as EndpointSlice });
        zone.setSlice(`n/${of}`, `n/${name}`, slice as EndpointSlice);
      }
      const want = expected(
        [...services.values()].flatMap((service) => recordsOf(service, slicesOf(service.metadata.name))),
      );
      for (const name of NAMES) assert.deepEqual(answers(zone, name), want(name), name);
    }),
    { numRuns: RUNS, examples: [[NOT_TOLD]] },
  );
});

/** The first slice is heard of while another Service has the name: what comes after that Service is gone is not all there is. */
const NOT_TOLD: Change[] = [
  { service: "a", spec: SPECS[2] },
  { slice: "s0", of: "a", holds: { addressType: "IPv4", endpoints: [{ addresses: [V4[0]!] }] } },
  { service: "a", spec: undefined },
  { slice: "s1", of: "a", holds: { addressType: "IPv4", endpoints: [{ addresses: [V4[1]!] }] } },
  { service: "a", spec: SPECS[0] },
];

/** All that could be asked for. */
const LABELS = ["h0", "h1", ...[...V4, ...V6].map((address) => address.replaceAll(/[.:]/g, "-"))];
const NAMES: readonly string[] = [
  ...SERVICES.flatMap((name) => {
    const base = `${name}.n.svc.${DOMAIN}`;
    const below = [...LABELS, "_tcp", "_udp", "_http._tcp", "_dns._udp", "_http._udp", "_x", "x", "x.h0"];
    return [base, ...below.map((label) => `${label}.${base}`)];
  }),
  ...[...V4, "10.0.0.9"].map((address) => `${address.split(".").toReversed().join(".")}.in-addr.arpa`),
  ...[...V6, "fd00::9"].map(reverseOfV6),
];
const TYPES = ["A", "AAAA", "SRV", "PTR", "CNAME", "TXT", "ANY"];

function answers(zone: Zone, name: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    TYPES.map((type) => {
      const found = zone.lookup(name, type);
      return [type, found.kind === "records" ? textOf(found.records) : found.kind];
    }),
  );
}

function textOf(records: readonly RecordData[]): string {
  return records
    .map((one) => JSON.stringify(one))
    .toSorted()
    .join(" ");
}

interface Named {
  readonly name: string;
  readonly record: RecordData;
}

function expected(all: readonly Named[]): (name: string) => Readonly<Record<string, string>> {
  return (name) => {
    const own = new Map(
      all.filter((one) => one.name === name).map(({ record: data }) => [JSON.stringify(data), data]),
    );
    const none = name.endsWith(".arpa") ? "foreign" : "nxdomain";
    const isAbove = all.some((one) => one.name.endsWith(`.${name}`));
    return Object.fromEntries(
      TYPES.map((type) => {
        const fits = [...own.values()].filter(
          (one) => type === "ANY" || one.type === type || one.type === "CNAME",
        );
        return [type, fits.length > 0 ? textOf(fits) : own.size > 0 || isAbove ? "nodata" : none];
      }),
    );
  };
}

/** All records of a Service, by the DNS specification. */
function recordsOf({ metadata, spec = {} }: Service, slices: readonly EndpointSlice[]): readonly Named[] {
  const base = `${metadata.name}.n.svc.${DOMAIN}`;
  const { type, externalName = "", clusterIP = "", clusterIPs = [clusterIP], ports = [] } = spec;
  if (type === "ExternalName")
    return [{ name: base, record: { type: "CNAME", data: externalName.replace(/\.$/, "") } }];
  const srv = (
    port: { name?: string; protocol?: string; port?: number },
    target: string,
    weight: number,
  ): readonly Named[] => {
    if (port.name === undefined || port.port === undefined) return [];
    const data = { priority: 0 as const, weight, port: port.port, target };
    return [
      {
        name: `_${port.name}._${(port.protocol ?? "TCP").toLowerCase()}.${base}`,
        record: { type: "SRV", data },
      },
    ];
  };
  if (clusterIP !== "None")
    return [
      ...clusterIPs.flatMap((data) => [addressAt(base, data), pointer(data, base)]),
      ...ports.flatMap((port) => srv(port, base, 1)),
    ];
  const published = slices
    .filter(({ addressType }) => addressType !== "FQDN")
    .flatMap((slice) => (slice.endpoints ?? []).map((endpoint) => ({ endpoint, slice })))
    .filter(({ endpoint }) => spec.publishNotReadyAddresses === true || endpoint.conditions?.ready !== false);
  const weight = Math.max(1, Math.floor(100 / published.length));
  return published.flatMap(({ endpoint: { hostname = "", addresses }, slice }) =>
    addresses.flatMap((data) => {
      const target = `${hostname === "" ? data.replaceAll(/[.:]/g, "-") : hostname}.${base}`;
      return [
        addressAt(base, data),
        addressAt(target, data),
        ...(hostname === "" ? [] : [pointer(data, target)]),
        ...(slice.ports ?? []).flatMap((port) => srv(port, target, weight)),
      ];
    }),
  );
}

/** Of addresses whose `::` stands for what is missing of eight groups. */
function reverseOfV6(address: string): string {
  const [head = "", tail = ""] = address.split("::");
  const missing = 8 - groups(head).length - groups(tail).length;
  const all = [...groups(head), ...Array.from({ length: missing }, () => "0"), ...groups(tail)];
  const nibbles = all.map((group) => group.padStart(4, "0")).join("");
  return `${nibbles.split("").toReversed().join(".")}.ip6.arpa`;
}

function groups(text: string): readonly string[] {
  return text === "" ? [] : text.split(":");
}

function addressAt(name: string, data: string): Named {
  return { name, record: { type: data.includes(":") ? "AAAA" : "A", data } };
}

function pointer(data: string, target: string): Named {
  const name = data.includes(":")
    ? reverseOfV6(data)
    : `${data.split(".").toReversed().join(".")}.in-addr.arpa`;
  return { name, record: { type: "PTR", data: target } };
}
