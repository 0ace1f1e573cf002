import assert from "node:assert/strict";
import { test } from "node:test";
import { lacksRoute } from "./kernel-routes.ts";

const HEAD = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n";
const TABLES = {
  ipv4: [
    HEAD,
    "eth0\t0004F40A\t0331A8C0\t0003\t0\t0\t0\t00FFFFFF\t0\t0\t0\n",
    // as if it were unreachable, and a link's own
    "*\t0000F40A\t00000000\t0200\t0\t0\t-1\t0000FFFF\t0\t0\t0\n",
    "eth0\t0031A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n",
  ].join(""),
  ipv6: "fd000010024400040000000000000000 40 00000000000000000000000000000000 00 fd010000000000000000000000000003 00000400 00000001 00000000 00000003     eth0\n",
};

test("lacksRoute() finds routes through a gateway of both families, and no others", () => {
  for (const [ranges, want] of [
    [["10.244.4.0/24"], false],
    [["fd00:10:244:4::/64"], false],
    [["10.244.4.0/24", "10.244.5.0/24"], true],
    [["10.244.0.0/16"], true],
    [["192.168.49.0/24"], true],
    [[], false],
  ] as const)
    assert.equal(lacksRoute(TABLES, ranges), want, ranges.join());
  assert.equal(lacksRoute({ ipv4: "", ipv6: "" }, ["10.244.4.0/24"]), true);
});
