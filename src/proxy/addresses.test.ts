import assert from "node:assert/strict";
import { test } from "node:test";
import type { IpFamily } from "#api/validation/ip";
import { disjointRanges, isInRange, nodePortAddresses } from "./addresses.ts";

test("isInRange() compares networks, not text", () => {
  assert.equal(isInRange("10.1.2.3", "10.0.0.0/8"), true);
  assert.equal(isInRange("11.1.2.3", "10.0.0.0/8"), false);
  assert.equal(isInRange("10.1.2.3", "10.1.2.3"), true);
  assert.equal(isInRange("fd00::1:2", "fd00::/64"), true);
  assert.equal(isInRange("fd00:0:0:1::2", "fd00::/64"), false);
  assert.equal(isInRange("10.1.2.3", "fd00::/64"), false);
});

test("disjointRanges() leaves out what another contains, and the other family", () => {
  const ranges = ["10.0.1.0/24", "10.0.0.0/16", "10.0.0.0/16", "10.1.0.0/16", "fd00::/108"];
  assert.deepEqual(disjointRanges(ranges, "IPv4"), ["10.0.0.0/16", "10.1.0.0/16"]);
  assert.deepEqual(disjointRanges(["fd00::/64", ...ranges], "IPv6"), ["fd00::/64"]);
});

const own = ["127.0.0.1", "192.168.49.2", "10.244.0.1", "::1", "fe80::1", "fd00::2"];
const some = (...ips: readonly string[]): object => ({
  type: "some",
  ips,
  hasLoopback: ips.includes("127.0.0.1"),
});
const CASES: readonly (readonly [string, IpFamily, readonly string[], object])[] = [
  ["the node's own address by default", "IPv4", [], some("192.168.49.2")],
  ["the node's own address when asked", "IPv6", ["primary"], some("fd00::2")],
  ["every address", "IPv4", ["0.0.0.0/0"], { type: "all" }],
  ["addresses of the machine in a range", "IPv4", ["10.0.0.0/8", "172.16.0.0/12"], some("10.244.0.1")],
  ["loopback, when asked", "IPv4", ["127.0.0.0/8", "192.168.0.0/16"], some("127.0.0.1", "192.168.49.2")],
  ["every address when only the other family has ranges", "IPv6", ["10.0.0.0/8"], { type: "all" }],
  ["no loopback of IPv6", "IPv6", ["::1/128", "fd00::/8"], some("fd00::2")],
];
for (const [name, family, wanted, expected] of CASES)
  test(`nodePortAddresses() gives ${name}`, () => {
    const options = { family, nodeIPs: ["192.168.49.2", "fd00::2"], own };
    assert.deepEqual(nodePortAddresses(wanted, options), expected);
  });
