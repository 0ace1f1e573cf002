import assert from "node:assert/strict";
import { test } from "node:test";
import type { Node } from "#api/core/v1/types.gen";
import type { ServiceCIDR } from "#api/networking/v1/types.gen";
import { IPV4, IPV6 } from "./address-family.ts";
import { cniConfig } from "./cni-config.ts";
import { guardRoutes, masqueradeTable, nodeElements, rangeLines } from "./leak-guard.ts";
import { plan, routeLines, type Here } from "./plan.ts";

const guard = {
  nodeIPs: ["192.168.49.2"],
  clusterCIDRs: ["10.244.0.0/16"],
  serviceCIDRs: ["10.96.0.0/12"],
};
const dual = {
  nodeIPs: ["192.168.49.2", "fd01::2"],
  clusterCIDRs: ["10.244.0.0/16", "fd00:10:244::/56"],
  serviceCIDRs: ["10.96.0.0/12", "fd00:10:96::/112"],
};

const HERE = {
  nodeName: "a",
  nodeIPs: ["192.168.49.2"],
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
  assert.deepEqual(result.podCIDRs, ["10.244.0.0/24"]);
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

test("plan() routes each family through the node's address of it, and both through one tunnel", () => {
  const nodes = [
    node("a", "192.168.49.2,fd01::2", "10.244.0.0/24,fd00:10:244::/64"),
    node("b", "fd01::3,192.168.49.3", "10.244.1.0/24,fd00:10:244:1::/64"),
    node("c", "192.168.50.4", "10.244.2.0/24,fd00:10:244:2::/64"),
    node("d", "192.168.49.5", "10.244.3.0/24,fd00:10:244:3::/64"),
  ];
  const here = { ...HERE, nodeIPs: dual.nodeIPs };
  const result = plan(nodes, [serviceCIDR("10.96.0.0/12", "fd00:10:96::/112")], here);
  assert.deepEqual(result.podCIDRs, ["10.244.0.0/24", "fd00:10:244::/64"]);
  assert.deepEqual(Object.fromEntries(result.routes), {
    "10.244.1.0/24": "192.168.49.3",
    "fd00:10:244:1::/64": "fd01::3",
    "10.244.3.0/24": "192.168.49.5",
  });
  assert.deepEqual(Object.fromEntries(result.tunnels), {
    "10.244.2.0/24": "192.168.50.4",
    "fd00:10:244:2::/64": "192.168.50.4",
  });
  assert.deepEqual([...result.serviceRanges], ["10.96.0.0/12", "fd00:10:96::/112"]);
  assert.ok(result.nodeIPs.has("fd01::3"));
});

test("routeLines() removes an IPv6 route before it is replaced, which would be a second way", () => {
  const old = new Map([["fd00::/64", "fd01::3"]]);
  assert.deepEqual(routeLines(old, new Map([["fd00::/64", "fd01::4"]])), [
    "route del fd00::/64 proto 88",
    "route replace fd00::/64 via fd01::4 proto 88",
  ]);
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

test("guardRoutes() closes the ranges of both families", () => {
  assert.deepEqual(guardRoutes(dual, true), [
    "link set k8ts-svc up",
    "route replace 10.96.0.0/12 dev k8ts-svc src 192.168.49.2 proto 88",
    "route replace fd00:10:96::/112 dev k8ts-svc src fd01::2 proto 88",
    "route replace unreachable 10.244.0.0/16 proto 88 metric 4294967295",
    "route replace unreachable fd00:10:244::/56 proto 88 metric 4294967295",
  ]);
});

test("masqueradeTable() is of one family", () => {
  const text = masqueradeTable(dual, ["192.168.49.2", "fd01::2"], IPV6);
  assert.match(text, /add element ip6 k8ts-network node-ips \{ fd01::2 \}/);
  assert.match(text, /ip6 saddr != fd00:10:244::\/56 return/);
  assert.doesNotMatch(text, /10\.|192\.|ip saddr/);
});

test("masqueradeTable() leaves traffic to nodes and services alone", () => {
  const text = masqueradeTable(guard, ["192.168.49.2"], IPV4);
  assert.ok(text.indexOf("@node-ips return") < text.indexOf("masquerade fully-random"));
  assert.match(text, /add element ip k8ts-network node-ips \{ 192\.168\.49\.2 \}/);
});

test("nodeElements() adds and deletes what came and went", () => {
  const script = nodeElements(
    new Set(["192.168.49.2", "192.168.49.3"]),
    new Set(["192.168.49.2", "192.168.49.4"]),
    IPV4,
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
  const text = cniConfig({ podCIDRs: ["10.244.0.0/24"], dataDir: "/data", mtu: 1500 });
  const { plugins } = JSON.parse(text) as { plugins: { type: string; ipam?: { ranges: unknown } }[] };
  assert.deepEqual(plugins[0]!.ipam!.ranges, [[{ subnet: "10.244.0.0/24" }]]);
  assert.deepEqual(
    plugins.map(({ type }) => type),
    ["bridge"],
  );
});

test("cniConfig() gives the bridge a range and a way out of each family", () => {
  const text = cniConfig({ podCIDRs: ["fd00::/64", "10.244.0.0/24"], dataDir: "/data", mtu: 1500 });
  const { plugins } = JSON.parse(text) as { plugins: { ipam: { ranges: unknown; routes: unknown } }[] };
  assert.deepEqual(plugins[0]!.ipam.ranges, [[{ subnet: "fd00::/64" }], [{ subnet: "10.244.0.0/24" }]]);
  assert.deepEqual(plugins[0]!.ipam.routes, [{ dst: "::/0" }, { dst: "0.0.0.0/0" }]);
});

function serviceCIDR(...cidrs: readonly string[]): ServiceCIDR {
  const metadata = { name: "kubernetes" };
  return { apiVersion: "networking.k8s.io/v1", kind: "ServiceCIDR", metadata, spec: { cidrs } };
}

/** Addresses and ranges with commas. */
function node(name: string, ips: string, podCIDRs?: string): Node {
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: { name },
    spec: podCIDRs === undefined ? {} : { podCIDR: podCIDRs.split(",")[0]!, podCIDRs: podCIDRs.split(",") },
    status: {
      addresses: [
        { type: "Hostname", address: name },
        ...ips.split(",").map((address) => ({ type: "InternalIP", address })),
      ],
    },
  };
}
