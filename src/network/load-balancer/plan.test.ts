import assert from "node:assert/strict";
import { test } from "node:test";
import type { Node, Service } from "#api/core/v1/types.gen";
import type { EndpointSlice } from "#api/discovery/v1/types.gen";
import { proxyLines } from "./neighbour-tools.ts";
import { addressesOf, announcerOf, answeredBy, isIn, parseBlocks } from "./plan.ts";

const ADDRESS = "10.9.0.1";

function node(
  name: string,
  ready = "True",
  labels: Readonly<Record<string, string>> = {},
  ips: readonly string[] = ["192.0.2.1"],
): Node {
  const conditions = [{ type: "Ready", status: ready }];
  const addresses = ips.map((address) => ({ type: "InternalIP", address }));
  return { apiVersion: "v1", kind: "Node", metadata: { name, labels }, status: { conditions, addresses } };
}

function service(spec: Partial<NonNullable<Service["spec"]>> = {}, ip = ADDRESS, ipMode = "VIP"): Service {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "web", namespace: "default" },
    spec: { type: "LoadBalancer", ...spec },
    status: { loadBalancer: { ingress: [{ ip, ipMode }] } },
  };
}

function slice(...endpoints: readonly (readonly [nodeName: string, ready: boolean])[]): EndpointSlice {
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { name: "web-1", namespace: "default" },
    addressType: "IPv4",
    endpoints: endpoints.map(([nodeName, ready]) => ({
      addresses: ["10.1.0.1"],
      nodeName,
      conditions: { ready, serving: true, terminating: !ready },
    })),
  };
}

const local = service({ externalTrafficPolicy: "Local" });

const IPV6_ADDRESS = "fd00:9::e0";
const dualNode = (name: string): Node => node(name, "True", {}, ["192.0.2.1", "fd00:9::2"]);

const cases: readonly {
  readonly name: string;
  readonly address?: string;
  readonly of?: Service;
  readonly nodes: readonly Node[];
  readonly slices?: readonly EndpointSlice[];
  readonly want: string | undefined;
}[] = [
  { name: "passes over nodes that are not ready", nodes: [node("a", "Unknown"), node("b")], want: "b" },
  {
    name: "passes over nodes that are excluded",
    nodes: [node("a", "True", { "node.kubernetes.io/exclude-from-external-load-balancers": "" }), node("b")],
    want: "b",
  },
  { name: "is nobody without nodes", nodes: [], want: undefined },
  {
    name: "has an endpoint of its own when traffic is to stay local",
    of: local,
    nodes: [node("a"), node("b"), node("c")],
    slices: [slice(["b", true], ["c", false])],
    want: "b",
  },
  {
    name: "has an endpoint that still serves when none is ready",
    of: local,
    nodes: [node("a"), node("b"), node("c")],
    slices: [slice(["c", false])],
    want: "c",
  },
  {
    name: "has an address of the family itself",
    address: IPV6_ADDRESS,
    nodes: [node("a"), dualNode("b"), node("c")],
    want: "b",
  },
  {
    name: "has a local endpoint of the family",
    address: IPV6_ADDRESS,
    of: local,
    nodes: [dualNode("a"), dualNode("b")],
    slices: [slice(["a", true]), { ...slice(["b", true]), addressType: "IPv6" }],
    want: "b",
  },
  { name: "is nobody for local traffic without endpoints", of: local, nodes: [node("a")], want: undefined },
];

for (const { name, address = ADDRESS, of = service(), nodes, slices = [], want } of cases)
  test(`announcerOf() ${name}`, () => assert.equal(announcerOf(address, of, nodes, slices), want));

test("announcerOf() moves only addresses of the node that goes, and spreads them", () => {
  const nodes = ["a", "b", "c", "d"].map((name) => node(name));
  const addresses = Array.from({ length: 40 }, (_, i) => `10.9.0.${i + 1}`);
  const before = addresses.map((ip) => announcerOf(ip, service(), nodes, []));
  const after = addresses.map((ip) => announcerOf(ip, service(), nodes.slice(1), []));
  for (const [i, name] of before.entries()) if (name !== "a") assert.equal(after[i], name);
  assert.deepEqual(new Set(before), new Set(["a", "b", "c", "d"]));
});

test("addressesOf() takes virtual addresses of the range alone", () => {
  const blocks = parseBlocks("10.9.0.0/30,10.8.0.0/32");
  assert.deepEqual(addressesOf(service(), blocks), [ADDRESS]);
  assert.deepEqual(addressesOf(service({}, "10.9.0.4"), blocks), []);
  assert.deepEqual(addressesOf(service({}, ADDRESS, "Proxy"), blocks), []);
  assert.deepEqual(addressesOf(service({ type: "ClusterIP" }), blocks), []);
  const six = parseBlocks("fd00:9::e0/123");
  assert.deepEqual(addressesOf(service({}, "FD00:9:0::e1"), six), ["fd00:9::e1"]);
  assert.deepEqual(addressesOf(service({}, "fd00:9::1"), six), []);
  for (const text of ["10.0.0.1-10.0.0.2", "", "fd00::/129"])
    assert.throws(() => parseBlocks(text), RangeError, text);
});

test("answeredBy() is every family that a ready node has an address of", () => {
  assert.deepEqual(answeredBy(dualNode("a")), ["IPv4", "IPv6"]);
  assert.deepEqual(answeredBy(node("a", "True", {}, ["fd00:9::2"])), ["IPv6"]);
  assert.deepEqual(answeredBy(node("a", "False")), []);
});

test("isIn() knows the edges of blocks, and no other family", () => {
  const blocks = parseBlocks("10.9.0.4/30");
  const asked = ["10.9.0.3", "10.9.0.4", "10.9.0.7", "10.9.0.8", "fd00::1"];
  assert.deepEqual(
    asked.map((ip) => isIn(ip, blocks)),
    [false, true, true, false, false],
  );
});

test("proxyLines() adds and removes what differs", () => {
  const lines = proxyLines(
    { name: "eth0", mac: "" },
    new Set(["10.0.0.1", "10.0.0.2"]),
    new Set(["10.0.0.2", "10.0.0.3"]),
  );
  assert.deepEqual(lines, ["neigh del proxy 10.0.0.1 dev eth0", "neigh replace proxy 10.0.0.3 dev eth0"]);
});
