import assert from "node:assert/strict";
import { test } from "node:test";
import type { Service } from "#api/core/v1/types.gen";
import { newService, START } from "../testing/objects.ts";
import { contains, firstFree, parseAddressPool } from "./address-pool.ts";
import { changesOf, CLEANUP_FINALIZER, isWaiting, plan } from "./plan.ts";

const pool = parseAddressPool("10.9.0.2-10.9.0.4");
const both = parseAddressPool("10.9.0.2-10.9.0.4,fd00:9::e0/127");
const dual = { ipFamilyPolicy: "PreferDualStack", ipFamilies: ["IPv6", "IPv4"] };

interface Shape {
  readonly spec?: Partial<NonNullable<Service["spec"]>>;
  readonly ip?: string | readonly string[];
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
  const ingress = (ip === undefined ? [] : [ip].flat()).map((one) => ({ ip: one, ipMode: "VIP" }));
  return { ...base, metadata, status: { loadBalancer: { ingress } } };
}

const cases: readonly {
  readonly name: string;
  readonly given: Service;
  readonly from?: typeof pool;
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
    want: "failed to ensure load balancer: no IPv4 address of 10.9.0.2-10.9.0.4 is free",
  },
  {
    name: "has no addresses of another family",
    given: service({ spec: { ipFamilies: ["IPv6"] } }),
    want: "failed to ensure load balancer: no addresses of the family IPv6 in 10.9.0.2-10.9.0.4",
  },
  {
    name: "takes an address of each family, in the service's order",
    from: both,
    given: service({ spec: dual }),
    taken: ["fd00:9::e0"],
    want: "ensure fd00:9::e1 10.9.0.2",
  },
  {
    name: "takes the address that is asked for, in its family alone",
    from: both,
    given: service({ spec: { ...dual, loadBalancerIP: "FD00:9:0::e1" } }),
    want: "ensure fd00:9::e1 10.9.0.2",
  },
  {
    name: "gives no address of a family that the service does not have",
    from: both,
    given: service({ spec: { ipFamilies: ["IPv4"], loadBalancerIP: "fd00:9::e1" } }),
    want: "failed to ensure load balancer: the address fd00:9::e1 is not of the families of the service, IPv4",
  },
  {
    name: "says what is not of the pool, of whatever family",
    from: both,
    given: service({ spec: { ipFamilies: ["IPv6"], loadBalancerIP: "10.8.0.1" } }),
    want: `failed to ensure load balancer: the address 10.8.0.1 is not in ${both.text}`,
  },
  {
    name: "keeps the address of the first family when a second one comes",
    from: both,
    given: service({ spec: { ipFamilies: ["IPv4", "IPv6"] }, ip: "10.9.0.4", finalizer: true }),
    want: "ensure 10.9.0.4 fd00:9::e0",
  },
  {
    name: "gives the second address back when its family goes",
    from: both,
    given: service({ spec: { ipFamilies: ["IPv4"] }, ip: ["10.9.0.4", "fd00:9::e0"], finalizer: true }),
    want: "ensure 10.9.0.4",
  },
  {
    name: "leaves two addresses that are right",
    from: both,
    given: service({ spec: dual, ip: ["fd00:9::e0", "10.9.0.2"], finalizer: true }),
    want: "none",
  },
  {
    name: "is content with one family where two were only preferred",
    given: service({ spec: dual }),
    want: "ensure 10.9.0.2",
  },
  {
    name: "has both or nothing where two are required",
    given: service({ spec: { ...dual, ipFamilyPolicy: "RequireDualStack" } }),
    want: "failed to ensure load balancer: no addresses of the family IPv6 in 10.9.0.2-10.9.0.4",
  },
  {
    name: "says which family has none left",
    from: both,
    given: service({ spec: dual }),
    taken: ["fd00:9::e0", "fd00:9::e1"],
    want: `failed to ensure load balancer: no IPv6 address of ${both.text} is free`,
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

for (const { name, given, from = pool, taken = [], want } of cases) {
  test(`plan() ${name}`, () => {
    const made = plan(given, from, (ip) => (taken.includes(ip) ? "default/other" : undefined));
    const text =
      made.action === "ensure"
        ? `ensure ${made.ips.join(" ")}`
        : made.action === "fail"
          ? made.message
          : made.action;
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
    let ip = firstFree(mixed, "IPv4", () => false);
    ip !== undefined;
    ip = firstFree(mixed, "IPv4", (one) => taken.has(one))
  ) {
    given.push(ip);
    taken.add(ip);
  }
  assert.deepEqual(given, ["10.1.0.252", "10.1.0.253", "10.1.0.254", "10.3.0.9", "10.3.0.10"]);
  assert.equal(contains(mixed, "10.1.0.255"), true);
  assert.equal(contains(mixed, "10.1.1.0"), false);
  for (const text of [
    "",
    "10.0.0.0/33",
    "10.0.0.256",
    "fd00::/64",
    "fd00::1-10.0.0.1",
    "10.0.0.1-10.0.0.2-10.0.0.3",
    "10.0.0.9-10.0.0.1",
    "10.0.0.0/8",
  ])
    assert.throws(() => parseAddressPool(text), RangeError, text);
});

test("firstFree() passes over the address that all routers of an IPv6 network have", () => {
  const six = parseAddressPool("fd00:9::/126");
  assert.equal(
    firstFree(six, "IPv6", () => false),
    "fd00:9::1",
  );
  assert.equal(
    firstFree(six, "IPv4", () => false),
    undefined,
  );
  assert.equal(contains(six, "FD00:9:0::3"), true);
});

test("isWaiting() is true of services with fewer addresses than families", () => {
  assert.equal(isWaiting(service({ spec: dual, ip: "10.9.0.2" })), true);
  assert.equal(isWaiting(service({ spec: dual, ip: ["fd00:9::e0", "10.9.0.2"] })), false);
  assert.equal(isWaiting(service({ spec: { type: "ClusterIP" } })), false);
});
