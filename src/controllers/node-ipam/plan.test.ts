import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import type { Node } from "#api/core/v1/types.gen";
import { newNode } from "../testing/objects.ts";
import { CidrSet } from "./cidr-set.ts";
import type { Allocation } from "./plan.ts";
import { Ipam } from "./plan.ts";

const masks = { maskSizeIPv4: 24, maskSizeIPv6: 64 };
const having = (name: string, podCIDRs: readonly string[]): Node =>
  newNode(name, "True", { spec: { podCIDRs } });
const shown = (a: Allocation): string => (a.type === "assign" ? a.podCIDRs.join() : a.type);

test("CidrSet gives out every part once, in order, and starts over with what came back", () => {
  const set = new CidrSet("10.244.0.0/22", 24);
  assert.deepEqual(
    [set.allocate(), set.allocate(), set.allocate()],
    ["10.244.0.0/24", "10.244.1.0/24", "10.244.2.0/24"],
  );
  set.release("10.244.0.0/24");
  assert.deepEqual(
    [set.allocate(), set.allocate(), set.allocate()],
    ["10.244.3.0/24", "10.244.0.0/24", undefined],
  );
});

test("CidrSet knows IPv6, and prints it in the short form", () => {
  const set = new CidrSet("fd00:10:244::/56", 64);
  assert.deepEqual([set.allocate(), set.allocate()], ["fd00:10:244::/64", "fd00:10:244:1::/64"]);
});

test("CidrSet occupies every part that overlaps", () => {
  const set = new CidrSet("10.0.0.0/22", 24);
  assert.equal(set.occupy("10.0.0.0/23"), true);
  assert.equal(set.occupy("10.0.2.128/25"), true);
  assert.equal(set.occupy("192.168.0.0/24"), false);
  assert.deepEqual([set.allocate(), set.allocate()], ["10.0.3.0/24", undefined]);
});

for (const [cidr, mask] of [
  ["10.0.0.0", 24],
  ["10.0.0.0/33", 24],
  ["10.0.0/8", 24],
  ["10.0.0.0/25", 24],
  ["fd00::/32", 64],
  ["x/8", 24],
] as const) {
  test(`CidrSet refuses ${cidr} in parts of /${mask}`, () =>
    assert.throws(() => new CidrSet(cidr, mask), RangeError));
}

test("Ipam gives each node one part of every family, and the same again when the write was lost", () => {
  const ipam = new Ipam({
    clusterCIDRs: ["10.244.0.0/16", "fd00::/56"],
    serviceCIDRs: ["10.244.0.0/24"],
    ...masks,
  });
  assert.equal(shown(ipam.allocate(newNode("a"))), "10.244.1.0/24,fd00::/64");
  assert.equal(shown(ipam.allocate(newNode("a"))), "10.244.1.0/24,fd00::/64");
  assert.equal(shown(ipam.allocate(newNode("b"))), "10.244.2.0/24,fd00:0:0:1::/64");
  assert.equal(shown(ipam.allocate(having("c", ["10.244.9.0/24"]))), "assigned");
});

const made = (...clusterCIDRs: readonly string[]): Ipam =>
  new Ipam({ clusterCIDRs, serviceCIDRs: [], ...masks });

test("Ipam takes one range of each family at most", () => {
  assert.throws(
    () => made("10.0.0.0/16", "10.1.0.0/16"),
    /len of ClusterCIDRs==2 and they are not configured as dual/,
  );
  assert.throws(
    () => made("10.0.0.0/16", "fd00::/56", "fd01::/56"),
    /length of clusterCIDRs is:3 more than max/,
  );
  assert.doesNotThrow(() => made("fd00::/56", "10.0.0.0/16"));
});

test("Ipam gives nothing when one family is full, and again when a node goes", () => {
  const ipam = new Ipam({ clusterCIDRs: ["10.0.0.0/23"], serviceCIDRs: [], ...masks });
  ipam.observe(having("a", ["10.0.0.0/24"]));
  assert.equal(shown(ipam.allocate(newNode("b"))), "10.0.1.0/24");
  assert.equal(shown(ipam.allocate(newNode("c"))), "full");
  ipam.forget("a");
  assert.equal(shown(ipam.allocate(newNode("c"))), "10.0.0.0/24");
});

test("Ipam never gives one part to two nodes", () => {
  const step = fc.record({ node: fc.integer({ min: 0, max: 9 }), goes: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const ipam = new Ipam({ clusterCIDRs: ["10.0.0.0/21"], serviceCIDRs: [], ...masks });
      const given = new Map<number, string>();
      for (const { node, goes } of steps) {
        if (goes) {
          ipam.forget(`n${node}`);
          given.delete(node);
          continue;
        }
        const cidr = shown(ipam.allocate(newNode(`n${node}`)));
        if (cidr === "full") assert.equal(given.size, 8);
        else given.set(node, cidr);
        assert.equal(new Set(given.values()).size, given.size);
      }
    }),
  );
});
