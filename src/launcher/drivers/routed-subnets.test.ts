import assert from "node:assert/strict";
import test from "node:test";
import { interfaceOf, parseRoutes } from "./routed-subnets.ts";

const ROUTES = parseRoutes(
  [
    "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT",
    "eth0\t00000000\t0102A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0",
    "vpn0\t0000A8C0\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0",
    "k8ts-916a47e2\t0031A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0",
    "tun1\t0580A8C0\t00000000\t0005\t0\t0\t0\tFFFFFFFF\t0\t0\t0",
    "",
  ].join("\n"),
);

test("parseRoutes gives each range with its interface", () => {
  assert.deepEqual(ROUTES[2], {
    interfaceName: "k8ts-916a47e2",
    destination: 0xc0_a8_31_00,
    prefixLength: 24,
  });
  assert.equal(ROUTES.length, 4);
});

const CASES: readonly [what: string, address: string, own: string | undefined, found: string | undefined][] =
  [
    ["a bridge of another cluster, also a stopped one", "192.168.49.1", undefined, "k8ts-916a47e2"],
    ["its own bridge does not count", "192.168.49.1", "k8ts-916a47e2", undefined],
    ["a single address within the range", "192.168.128.1", undefined, "tun1"],
    ["neither the default route nor a wide one counts", "192.168.58.1", undefined, undefined],
  ];
for (const [what, address, own, found] of CASES) {
  test(`interfaceOf finds who holds a range: ${what}`, () => {
    assert.equal(interfaceOf(ROUTES, address, 24, own), found);
  });
}
