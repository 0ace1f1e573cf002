import assert from "node:assert/strict";
import { test } from "node:test";
import type { Service } from "#api/core/v1/types.gen";
import type { IPAddress } from "#api/networking/v1/types.gen";
import { PortSet } from "./port-set.ts";
import { newIPAddress } from "./service-addresses.ts";
import { planAddress, planPorts, planService, type ServiceFacts } from "./service-repair-plan.ts";

const NOW_MS = Date.parse("2026-01-01T00:10:00Z");
const OLD = "2026-01-01T00:00:00Z";

function service(name: string, clusterIP: string, more: object = {}): Service {
  const metadata = { name, namespace: "default", creationTimestamp: OLD };
  const spec = { type: "ClusterIP", clusterIP, clusterIPs: clusterIP === "" ? [] : [clusterIP], ...more };
  return { apiVersion: "v1", kind: "Service", metadata, spec };
}

function address(ip: string, of: string, more: object = {}, creationTimestamp = OLD): IPAddress {
  const made = newIPAddress(ip, { namespace: "default", name: of });
  return { ...made, metadata: { ...made.metadata, creationTimestamp, ...more } };
}

function facts(services: readonly Service[], addresses: readonly IPAddress[]): ServiceFacts {
  return {
    address: (ip) => addresses.find(({ metadata }) => metadata.name === ip),
    service: (_, name) => services.find(({ metadata }) => metadata.name === name),
    isInRange: (ip) => ip.startsWith("10."),
  };
}

const a = service("a", "10.0.0.5");
const services: readonly (readonly [
  string,
  readonly Service[],
  readonly IPAddress[],
  string,
  string | undefined,
])[] = [
  ["leaves what is right", [a], [address("10.0.0.5", "a")], "check", undefined],
  ["creates what is missing", [a], [], "create", "ClusterIPNotAllocated"],
  ["takes over what names nobody", [a], [address("10.0.0.5", "gone")], "recreate", "ClusterIPNotAllocated"],
  [
    "tells of two with one address",
    [a, service("b", "10.0.0.5")],
    [address("10.0.0.5", "b")],
    "check",
    "ClusterIPAlreadyAllocated",
  ],
  ["gives back the labels", [a], [address("10.0.0.5", "a", { labels: {} })], "recreate", undefined],
  ["tells of what is in no range", [service("a", "192.0.2.1")], [], "check", "ClusterIPOutOfRange"],
];

for (const [name, of, addresses, action, reason] of services) {
  test(`planService() ${name}`, () => {
    const [plan] = planService(of[0]!, facts(of, addresses));
    assert.deepEqual([plan!.action, plan!.findings[0]?.reason], [action, reason]);
  });
}

const young = new Date(NOW_MS - 2_000).toISOString();
const addresses: readonly (readonly [string, IPAddress, readonly Service[], string | undefined])[] = [
  ["leaves what is right", address("10.0.0.5", "a"), [a], undefined],
  ["leaves what others made", address("10.0.0.5", "gone", { labels: {} }), [], undefined],
  ["waits for a service that is being created", address("10.0.0.5", "new", {}, young), [], "check"],
  ["removes what leaked", address("10.0.0.5", "gone"), [], "delete"],
  ["waits for a request to undo what it took", address("10.0.0.9", "a", {}, young), [a], "check"],
  ["removes what its service does not have", address("10.0.0.9", "a"), [a], "delete"],
  [
    "waits while a service changes its type",
    address("10.0.0.9", "a", {}, young),
    [service("a", "", { type: "ExternalName" })],
    "check",
  ],
];

for (const [name, of, all, action] of addresses) {
  test(`planAddress() ${name}`, () => {
    assert.equal(planAddress(of, facts(all, [of]), NOW_MS)?.action, action);
  });
}

const range = { from: 30_000, to: 30_010 };
const nodePort = (name: string, ...ports: readonly number[]): Service =>
  service(name, "", { type: "NodePort", ports: ports.map((port) => ({ port: 80, nodePort: port })) });

test("planPorts() keeps what services have, and frees what nobody has after three passes", () => {
  const stored = new PortSet(range);
  stored.add(30_001);
  stored.add(30_005);
  let leaks: ReadonlyMap<number, number> = new Map();
  const passes = Array.from({ length: 3 }, () => {
    const plan = planPorts(stored, [nodePort("a", 30_001, 30_002)], leaks, range);
    leaks = plan.leaks;
    return [...plan.ports].join();
  });
  assert.deepEqual(passes, ["30001,30002,30005", "30001,30002,30005", "30001,30002"]);
});

test("planPorts() tells of ports that are nobody's, everybody's or out of range", () => {
  const all = [nodePort("a", 30_001, 80), nodePort("b", 30_001)];
  const { findings } = planPorts(new PortSet(range), all, new Map(), range);
  assert.deepEqual(
    findings.map(({ reason }) => reason),
    ["PortNotAllocated", "PortOutOfRange", "PortAlreadyAllocated"],
  );
});

test("PortSet survives being stored, and refuses another range", () => {
  const set = new PortSet(range);
  for (const port of [30_000, 30_007, 30_010]) set.add(port);
  assert.deepEqual([...PortSet.parse(set.toBytes(), range)], [30_000, 30_007, 30_010]);
  assert.throws(() => PortSet.parse(set.toBytes(), { from: 1, to: 2 }), /30000-30010 is not 1-2/);
});
