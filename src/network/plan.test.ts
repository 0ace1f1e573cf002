import assert from "node:assert/strict";
import { test } from "node:test";
import type { Node } from "#api/core/v1/types.gen";
import type { ServiceCIDR } from "#api/networking/v1/types.gen";
import { cniConfig } from "./cni-config.ts";
import { guardRoutes, masqueradeTable, nodeElements, rangeLines } from "./leak-guard.ts";
import { plan, routeLines, type Here } from "./plan.ts";

const guard = { nodeIP: "192.168.49.2", clusterCIDR: "10.244.0.0/16", serviceCIDR: "10.96.0.0/12" };

const HERE = {
  nodeName: "a",
  nodeIP: "192.168.49.2",
  link: { name: "eth0", mtu: 1500, prefixLength: 24 },
  tunnelMode: "auto",
} as const;

test("plan() routes to every other node that has addresses, and finds this node's own range", () => {
  const nodes = [
    node("a", "192.168.49.2", "10.244.0.0/24"),
    node("b", "192.168.49.3", "10.244.1.0/24"),
    node("c", "192.168.49.4"),
  ];
  const result = plan(nodes, [serviceCIDR("10.96.0.0/12", "fd00::/108")], HERE);
  assert.equal(result.podCIDR, "10.244.0.0/24");
  assert.deepEqual([...result.routes], [["10.244.1.0/24", "192.168.49.3"]]);
  assert.deepEqual([...result.serviceRanges], ["10.96.0.0/12"]);
  assert.deepEqual([...result.nodeIPs], ["192.168.49.2", "192.168.49.3", "192.168.49.4"]);
});

test("plan() leads to nodes behind a router through the tunnel, or to all, or to none", () => {
  const nodes = [
    node("a", "192.168.49.2", "10.244.0.0/24"),
    node("b", "192.168.49.3", "10.244.1.0/24"),
    node("c", "192.168.50.4", "10.244.2.0/24"),
  ];
  const of = (here: Partial<Here>): readonly string[] => [
    ...plan(nodes, [], { ...HERE, ...here }).tunnels.values(),
  ];
  assert.deepEqual(of({}), ["192.168.50.4"]);
  assert.deepEqual(of({ link: { ...HERE.link, prefixLength: 16 } }), []);
  assert.deepEqual(of({ tunnelMode: "always" }), ["192.168.49.3", "192.168.50.4"]);
  assert.deepEqual(of({ tunnelMode: "never" }), []);
  assert.deepEqual(of({ link: undefined }), []);
  assert.deepEqual([...plan(nodes.slice(1), [], HERE).tunnels], [], "not before this node has a range");
});

test("routeLines() changes only what differs", () => {
  const old = new Map([
    ["10.244.1.0/24", "192.168.49.3"],
    ["10.244.2.0/24", "192.168.49.4"],
    ["10.244.3.0/24", "192.168.49.5"],
  ]);
  const wanted = new Map([
    ["10.244.1.0/24", "192.168.49.3"],
    ["10.244.2.0/24", "192.168.49.9"],
    ["10.244.4.0/24", "192.168.49.6"],
  ]);
  assert.deepEqual(routeLines(old, wanted), [
    "route del 10.244.3.0/24 proto 88",
    "route replace 10.244.2.0/24 via 192.168.49.9 proto 88",
    "route replace 10.244.4.0/24 via 192.168.49.6 proto 88",
  ]);
});

test("guardRoutes() makes the service interface once", () => {
  assert.equal(guardRoutes(guard, false)[0], "link add k8ts-svc type bridge");
  assert.ok(guardRoutes(guard, true).every((line) => !line.startsWith("link add")));
});

test("masqueradeTable() leaves traffic to nodes and services alone", () => {
  const text = masqueradeTable(guard, ["192.168.49.2"]);
  assert.ok(text.indexOf("@node-ips return") < text.indexOf("masquerade fully-random"));
  assert.match(text, /add element ip k8ts-network node-ips \{ 192\.168\.49\.2 \}/);
});

test("nodeElements() adds and deletes what came and went", () => {
  const script = nodeElements(
    new Set(["192.168.49.2", "192.168.49.3"]),
    new Set(["192.168.49.2", "192.168.49.4"]),
  );
  assert.equal(
    script,
    "add element ip k8ts-network node-ips { 192.168.49.4 }\ndelete element ip k8ts-network node-ips { 192.168.49.3 }\n",
  );
});

const ranges = (...all: readonly string[]): ReadonlySet<string> => new Set(all);

test("rangeLines() routes what ServiceCIDRs add to the range of the flag", () => {
  assert.deepEqual(rangeLines(guard, ranges("10.200.0.0/24"), ranges("10.96.0.0/12", "10.201.0.0/24")), [
    "route del 10.200.0.0/24 dev k8ts-svc src 192.168.49.2 proto 88",
    "route replace 10.201.0.0/24 dev k8ts-svc src 192.168.49.2 proto 88",
  ]);
  assert.deepEqual(rangeLines(guard, ranges("10.96.0.0/12"), ranges()), []);
});

test("cniConfig() gives the bridge this node's range", () => {
  const text = cniConfig({ podCIDR: "10.244.0.0/24", dataDir: "/data", mtu: 1500 });
  const { plugins } = JSON.parse(text) as { plugins: { type: string; ipam?: { ranges: unknown } }[] };
  assert.deepEqual(plugins[0]!.ipam!.ranges, [[{ subnet: "10.244.0.0/24" }]]);
  assert.deepEqual(
    plugins.map(({ type }) => type),
    ["bridge"],
  );
});

function serviceCIDR(...cidrs: readonly string[]): ServiceCIDR {
  const metadata = { name: "kubernetes" };
  return { apiVersion: "networking.k8s.io/v1", kind: "ServiceCIDR", metadata, spec: { cidrs } };
}

function node(name: string, ip: string, podCIDR?: string): Node {
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: { name },
    spec: podCIDR === undefined ? {} : { podCIDR },
    status: {
      addresses: [
        { type: "Hostname", address: name },
        { type: "InternalIP", address: ip },
      ],
    },
  };
}
