import assert from "node:assert/strict";
import { test } from "node:test";
import { isOnLink, splitRoutes, tunnelEndLines, tunnelLines, tunnelState } from "./tunnel.ts";

test("tunnelEndLines() makes the interface once, and sets what may have changed each time", () => {
  const link = { name: "eth0", mtu: 1500, prefixLength: 24 };
  const podCIDRs = ["10.244.3.0/24", "fd00:10:244:3::/64"];
  const end = { nodeIP: "192.168.49.2", podCIDRs, link, mtu: 1450 };
  assert.deepEqual(tunnelEndLines(end, false), [
    "link add k8ts.vxlan address 0a:58:c0:a8:31:02 type vxlan id 88 local 192.168.49.2 dev eth0 dstport 8472 nolearning",
    "link set k8ts.vxlan mtu 1450 up",
    "address replace 10.244.3.0/32 dev k8ts.vxlan",
    "address replace fd00:10:244:3::/128 nodad dev k8ts.vxlan",
  ]);
  assert.equal(tunnelEndLines(end, true).length, 3);
  const [made] = tunnelEndLines({ ...end, nodeIP: "fd01::2" }, false);
  assert.match(made!, /^link add k8ts.vxlan address 0a:58(:[0-9a-f]{2}){4} type vxlan id 88 local fd01::2 /);
});

test("tunnelLines() changes only what differs, and forwards before it routes", () => {
  const old = new Map([
    ["10.244.1.0/24", "192.168.50.3"],
    ["10.244.2.0/24", "192.168.50.4"],
    ["fd00:10:244:2::/64", "192.168.50.4"],
  ]);
  const wanted = new Map([
    ["10.244.1.0/24", "192.168.50.3"],
    ["10.244.4.0/24", "192.168.51.5"],
  ]);
  assert.deepEqual(tunnelLines(tunnelState(old), tunnelState(wanted)), {
    remove: [
      "route del 10.244.2.0/24 proto 88",
      "route del fd00:10:244:2::/64 proto 88",
      "neigh del 10.244.2.0 dev k8ts.vxlan",
      "neigh del fd00:10:244:2:: dev k8ts.vxlan",
    ],
    forward: [
      "fdb del 0a:58:c0:a8:32:04 dev k8ts.vxlan dst 192.168.50.4",
      "fdb replace 0a:58:c0:a8:33:05 dev k8ts.vxlan dst 192.168.51.5",
    ],
    add: [
      "neigh replace 10.244.4.0 lladdr 0a:58:c0:a8:33:05 dev k8ts.vxlan nud permanent",
      "route replace 10.244.4.0/24 via 10.244.4.0 dev k8ts.vxlan onlink proto 88",
    ],
  });
});

test("tunnelLines() follows a range that another node has now, by its neighbour alone", () => {
  const [old, wanted] = ["192.168.50.3", "192.168.50.4"].map((ip) =>
    tunnelState(new Map([["10.244.1.0/24", ip]])),
  );
  assert.deepEqual(tunnelLines(old!, wanted!), {
    remove: [],
    forward: [
      "fdb del 0a:58:c0:a8:32:03 dev k8ts.vxlan dst 192.168.50.3",
      "fdb replace 0a:58:c0:a8:32:04 dev k8ts.vxlan dst 192.168.50.4",
    ],
    add: ["neigh replace 10.244.1.0 lladdr 0a:58:c0:a8:32:04 dev k8ts.vxlan nud permanent"],
  });
  assert.deepEqual(tunnelLines(old!, old!), { remove: [], forward: [], add: [] });
});

test("splitRoutes() knows the tunnel's routes by their gateway", () => {
  const { routes, tunnelRoutes } = splitRoutes(
    new Map([
      ["10.244.1.0/24", "192.168.49.3"],
      ["10.244.2.0/24", "10.244.2.0"],
    ]),
  );
  assert.deepEqual([...routes], [["10.244.1.0/24", "192.168.49.3"]]);
  assert.deepEqual([...tunnelRoutes], ["10.244.2.0/24"]);
});

test("isOnLink() compares networks", () => {
  for (const [other, prefixLength, want] of [
    ["192.168.49.200", 24, true],
    ["192.168.50.2", 24, false],
    ["192.168.50.2", 16, true],
    ["192.168.49.3", 32, false],
    ["8.8.8.8", 0, true],
    ["fd01::3", 0, false],
  ] as const)
    assert.equal(isOnLink("192.168.49.2", other, { prefixLength }), want, `${other}/${prefixLength}`);
});

test("isOnLink() compares networks of IPv6", () => {
  assert.equal(isOnLink("fd01::2", "fd01::ffff", { prefixLength: 64 }), true);
  assert.equal(isOnLink("fd01::2", "fd01:0:0:1::2", { prefixLength: 64 }), false);
});
