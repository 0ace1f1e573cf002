import assert from "node:assert/strict";
import { test } from "node:test";
import { DIALECTS } from "./dialect.ts";
import { masqueradeOf, type MasqueradeOptions } from "./masquerade.ts";
import { balanceChain, routeChain } from "./objects.ts";

const cidr = "10.244.0.0/16";

/** Rules of a cluster address's chain, before the endpoints. */
function internalRules(options: Partial<MasqueradeOptions>): readonly string[] {
  const dialect = DIALECTS.IPv4;
  const masquerade = masqueradeOf(dialect, { clusterCIDRs: [cidr], ...options });
  const everywhere = balanceChain(dialect, { scope: "services", pool: "cluster", protocol: "tcp", size: 1 });
  return routeChain("internal", everywhere, undefined, { dialect, masquerade }).rules.slice(0, -1);
}

test("masqueradeOf() says who gets the node's address, and by which bit", () => {
  const table: readonly (readonly [Partial<MasqueradeOptions>, readonly string[]])[] = [
    [{}, [`ip saddr != ${cidr} meta mark set meta mark or 0x4000`]],
    [{ clusterCIDRs: [] }, []],
    [{ masqueradeAll: true, masqueradeBit: 31 }, ["meta mark set meta mark or 0x80000000"]],
    [
      { localInterface: { type: "prefix", name: "veth" }, masqueradeBit: 0 },
      ['iifname != "veth*" meta mark set meta mark or 0x1'],
    ],
    [
      { localInterface: { type: "name", name: "cni0" } },
      ['iifname != "cni0" meta mark set meta mark or 0x4000'],
    ],
  ];
  for (const [options, rules] of table) assert.deepEqual(internalRules(options), rules);
});
