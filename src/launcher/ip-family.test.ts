import assert from "node:assert/strict";
import { test } from "node:test";
import { clusterRanges } from "./ip-family.ts";

type Given = Parameters<typeof clusterRanges>[0];

const CASES: readonly [what: string, given: Given, pods: string, services: string][] = [
  ["nothing said", {}, "10.244.0.0/16", "10.96.0.0/12"],
  ["ipv6", { ipFamily: "ipv6" }, "fd00:10:244::/56", "fd00:10:96::/112"],
  ["dual", { ipFamily: "dual" }, "10.244.0.0/16,fd00:10:244::/56", "10.96.0.0/12,fd00:10:96::/112"],
  ["one range", { podCIDR: "10.1.0.0/16" }, "10.1.0.0/16", "10.96.0.0/12"],
  [
    "ranges, IPv6 first",
    { podCIDR: "fd01::/48,10.1.0.0/16", ipFamily: "dual" },
    "fd01::/48,10.1.0.0/16",
    "fd00:10:96::/112,10.96.0.0/12",
  ],
  ["services alone", { serviceCIDR: "fd02::/112" }, "fd00:10:244::/56", "fd02::/112"],
];
for (const [what, given, podCIDR, serviceCIDR] of CASES)
  test(`clusterRanges: ${what}`, () => assert.deepEqual(clusterRanges(given), { podCIDR, serviceCIDR }));

test("clusterRanges refuses ranges of other families than the rest", () => {
  for (const given of [
    { ipFamily: "ipv4", podCIDR: "fd01::/48" },
    { podCIDR: "10.1.0.0/16", serviceCIDR: "10.96.0.0/12,fd00::/112" },
    { podCIDR: "10.1.0.0/16,10.2.0.0/16", serviceCIDR: "10.96.0.0/12" },
  ] as const)
    assert.throws(() => clusterRanges(given), { id: "IP_FAMILIES_DIFFER" }, JSON.stringify(given));
});
