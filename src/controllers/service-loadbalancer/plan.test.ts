import assert from "node:assert/strict";
import { test } from "node:test";
import type { Service } from "#api/core/v1/types.gen";
import { newService, START } from "../testing/objects.ts";
import { contains, firstFree, parseAddressPool } from "./address-pool.ts";
import { changesOf, CLEANUP_FINALIZER, plan } from "./plan.ts";

const pool = parseAddressPool("10.9.0.2-10.9.0.4");

interface Shape {
  readonly spec?: Partial<NonNullable<Service["spec"]>>;
  readonly ip?: string;
  readonly finalizer?: boolean;
  readonly deleted?: boolean;
}

function service({ spec = {}, ip, finalizer = false, deleted = false }: Shape = {}): Service {
  const base = newService("web", { type: "LoadBalancer", ...spec });
  const metadata = {
    ...base.metadata,
    ...(finalizer && { finalizers: [CLEANUP_FINALIZER] }),
    ...(deleted && { deletionTimestamp: START }),
  };
  const ingress = ip === undefined ? [] : [{ ip, ipMode: "VIP" }];
  return { ...base, metadata, status: { loadBalancer: { ingress } } };
}

const cases: readonly {
  readonly name: string;
  readonly given: Service;
  readonly taken?: readonly string[];
  readonly want: string;
}[] = [
  { name: "takes the first free address", given: service(), taken: ["10.9.0.2"], want: "ensure 10.9.0.3" },
  { name: "leaves what is right", given: service({ ip: "10.9.0.3", finalizer: true }), want: "none" },
  {
    name: "adds the finalizer to an address that stands",
    given: service({ ip: "10.9.0.3" }),
    want: "ensure 10.9.0.3",
  },
  {
    name: "takes the address that is asked for",
    given: service({ spec: { loadBalancerIP: "10.9.0.4" } }),
    want: "ensure 10.9.0.4",
  },
  {
    name: "moves to an address that is asked for later",
    given: service({ spec: { loadBalancerIP: "10.9.0.4" }, ip: "10.9.0.2", finalizer: true }),
    want: "ensure 10.9.0.4",
  },
  {
    name: "shares no address",
    given: service({ spec: { loadBalancerIP: "10.9.0.4" } }),
    taken: ["10.9.0.4"],
    want: "failed to ensure load balancer: the address 10.9.0.4 belongs to another service",
  },
  {
    name: "gives no address of others",
    given: service({ spec: { loadBalancerIP: "10.8.0.1" } }),
    want: "failed to ensure load balancer: the address 10.8.0.1 is not in 10.9.0.2-10.9.0.4",
  },
  {
    name: "says when there is none left",
    given: service(),
    taken: ["10.9.0.2", "10.9.0.3", "10.9.0.4"],
    want: "failed to ensure load balancer: no address of 10.9.0.2-10.9.0.4 is free",
  },
  {
    name: "has no addresses of another family",
    given: service({ spec: { ipFamilies: ["IPv6"] } }),
    want: "failed to ensure load balancer: no addresses of the family IPv6 in 10.9.0.2-10.9.0.4",
  },
  {
    name: "replaces an address that is not of the pool any more",
    given: service({ ip: "10.7.0.1", finalizer: true }),
    want: "ensure 10.9.0.2",
  },
  {
    name: "leaves services of a class to others",
    given: service({ spec: { loadBalancerClass: "example.com/lb" } }),
    want: "none",
  },
  {
    name: "releases when the type changes",
    given: service({ spec: { type: "ClusterIP" }, ip: "10.9.0.2", finalizer: true }),
    want: "release",
  },
  { name: "releases at deletion", given: service({ finalizer: true, deleted: true }), want: "release" },
  { name: "gives nothing to what is being deleted", given: service({ deleted: true }), want: "none" },
];

for (const { name, given, taken = [], want } of cases) {
  test(`plan() ${name}`, () => {
    const made = plan(given, pool, (ip) => (taken.includes(ip) ? "default/other" : undefined));
    const text =
      made.action === "ensure" ? `ensure ${made.ip}` : made.action === "fail" ? made.message : made.action;
    assert.equal(text, want);
  });
}

test("changesOf() tells what users changed, in upstream's reasons", () => {
  const now = service({ spec: { loadBalancerSourceRanges: ["10.0.0.0/8"], externalTrafficPolicy: "Local" } });
  assert.deepEqual(changesOf(service({ spec: { externalTrafficPolicy: "Cluster" } }), now), [
    ["LoadBalancerSourceRanges", "[] -> [10.0.0.0/8]"],
    ["ExternalTrafficPolicy", "Cluster -> Local"],
  ]);
  assert.deepEqual(changesOf(service(), service({ spec: { type: "ClusterIP" } })), [
    ["Type", "LoadBalancer -> ClusterIP"],
  ]);
});

test("parseAddressPool() reads CIDRs and ranges, and refuses anything else", () => {
  const mixed = parseAddressPool("10.1.0.252/30, 10.2.0.0/32,10.3.0.9-10.3.0.10");
  const taken = new Set<string>();
  const given: string[] = [];
  for (
    let ip = firstFree(mixed, () => false);
    ip !== undefined;
    ip = firstFree(mixed, (one) => taken.has(one))
  ) {
    given.push(ip);
    taken.add(ip);
  }
  assert.deepEqual(given, ["10.1.0.252", "10.1.0.253", "10.1.0.254", "10.3.0.9", "10.3.0.10"]);
  assert.equal(contains(mixed, "10.1.0.255"), true);
  assert.equal(contains(mixed, "10.1.1.0"), false);
  for (const text of ["", "10.0.0.0/33", "10.0.0.256", "fd00::/64", "10.0.0.9-10.0.0.1", "10.0.0.0/8"])
    assert.throws(() => parseAddressPool(text), RangeError, text);
});
