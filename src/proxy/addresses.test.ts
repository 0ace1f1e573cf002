import assert from "node:assert/strict";
import { test } from "node:test";
import { disjointRanges, isInRange, nodePortAddresses } from "./addresses.ts";

test("isInRange() compares networks, not text", () => {
  assert.equal(isInRange("10.1.2.3", "10.0.0.0/8"), true);
  assert.equal(isInRange("11.1.2.3", "10.0.0.0/8"), false);
  assert.equal(isInRange("10.1.2.3", "10.1.2.3"), true);
});

test("disjointRanges() leaves out what another contains, and the other family", () => {
  const ranges = ["10.0.1.0/24", "10.0.0.0/16", "10.0.0.0/16", "10.1.0.0/16", "fd00::/108"];
  assert.deepEqual(disjointRanges(ranges), ["10.0.0.0/16", "10.1.0.0/16"]);
});

const own = ["127.0.0.1", "192.168.49.2", "10.244.0.1", "fe80::1"];
const some = (...ips: readonly string[]): object => ({
  type: "some",
  ips,
  hasLoopback: ips.includes("127.0.0.1"),
});
const CASES: readonly (readonly [string, readonly string[], object])[] = [
  ["the node's own address by default", [], some("192.168.49.2")],
  ["the node's own address when asked", ["primary"], some("192.168.49.2")],
  ["every address", ["0.0.0.0/0"], { type: "all" }],
  ["addresses of the machine in a range", ["10.0.0.0/8", "172.16.0.0/12"], some("10.244.0.1")],
  ["loopback, when asked", ["127.0.0.0/8", "192.168.0.0/16"], some("127.0.0.1", "192.168.49.2")],
];
for (const [name, wanted, expected] of CASES)
  test(`nodePortAddresses() gives ${name}`, () => {
    assert.deepEqual(nodePortAddresses(wanted, ["192.168.49.2"], own), expected);
  });
