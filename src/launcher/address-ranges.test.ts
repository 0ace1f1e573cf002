import assert from "node:assert/strict";
import test from "node:test";
import { checkRanges, type AddressRanges } from "./address-ranges.ts";
import { UserError } from "./user-error.ts";

const GOOD: AddressRanges = {
  podCIDR: "10.244.0.0/16",
  serviceCIDR: "10.96.0.0/12",
  nodeCIDR: "192.168.49.1/24",
  nodes: 3,
};

const CASES: readonly [what: string, change: Partial<AddressRanges>, message: RegExp | undefined][] = [
  ["the defaults", {}, undefined],
  ["as many nodes as there are /24s", { podCIDR: "10.1.0.0/23", nodes: 2 }, undefined],
  ["pods within services", { podCIDR: "10.97.0.0/16" }, /10\.97\.0\.0\/16 and .* 10\.96\.0\.0\/12 overlap/],
  ["services that are the pods", { serviceCIDR: "10.244.0.0/16" }, /overlap/],
  [
    "nodes within pods",
    { podCIDR: "192.168.0.0/16" },
    /the addresses of the nodes, 192\.168\.49\.1\/24, overlap/,
  ],
  ["a node within services", { nodeCIDR: "10.100.0.7/32" }, /--service-cluster-ip-range .* overlap/],
  ["services without a tenth address", { serviceCIDR: "10.96.0.0/29" }, /too small, a \/28/],
  ["pods for fewer nodes", { podCIDR: "10.1.0.0/23" }, /each of 3 node\(s\) needs a \/24/],
  ["pods for no node", { podCIDR: "10.1.0.0/25", nodes: 1 }, /too small/],
];
for (const [what, change, message] of CASES) {
  test(`checkRanges: ${what}`, () => {
    const ranges = { ...GOOD, ...change };
    if (message === undefined) return checkRanges(ranges);
    assert.throws(
      () => checkRanges(ranges),
      (err) => err instanceof UserError && message.test(err.message),
    );
  });
}
