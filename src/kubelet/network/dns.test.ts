import assert from "node:assert/strict";
import { test } from "node:test";
import type { PodSpec } from "#api/core/v1/types.gen";
import { testPod } from "../container/testing.ts";
import { parseResolvConf, podDNS } from "./dns.ts";
import { hostsFile, podHostname } from "./hostname.ts";

const cluster = { servers: ["10.96.0.10"], domain: "cluster.local" };
const node = parseResolvConf("# mine\nnameserver 192.0.2.53\nsearch example.com.\noptions timeout:1\n");
const ours = ["default.svc.cluster.local", "svc.cluster.local", "cluster.local", "example.com"];

const cases: readonly (readonly [string, Partial<PodSpec>, object])[] = [
  [
    "asks the cluster first by default",
    {},
    { servers: ["10.96.0.10"], searches: ours, options: ["ndots:5"] },
  ],
  ["asks the node with Default", { dnsPolicy: "Default" }, node],
  ["asks the node on the node's network", { dnsPolicy: "ClusterFirst", hostNetwork: true }, node],
  [
    "asks the cluster with ClusterFirstWithHostNet",
    { dnsPolicy: "ClusterFirstWithHostNet", hostNetwork: true },
    { servers: ["10.96.0.10"], searches: ours, options: ["ndots:5"] },
  ],
  [
    "is only what the pod says with None",
    {
      dnsPolicy: "None",
      dnsConfig: { nameservers: ["1.1.1.1"], searches: ["a"], options: [{ name: "ndots", value: "2" }] },
    },
    { servers: ["1.1.1.1"], searches: ["a"], options: ["ndots:2"] },
  ],
  [
    "merges the pod's own options by name",
    { dnsConfig: { options: [{ name: "ndots", value: "1" }, { name: "edns0" }] } },
    { servers: ["10.96.0.10"], searches: ours, options: ["ndots:1", "edns0"] },
  ],
];

for (const [name, spec, want] of cases) {
  test(`podDNS() ${name}`, () => assert.deepEqual(podDNS(testPod(spec), cluster, node), want));
}

test("podHostname() follows hostname and subdomain, and cuts long names", () => {
  assert.deepEqual(podHostname(testPod(), "c.l"), { hostname: "web", fqdn: "" });
  const spec = { hostname: "h", subdomain: "s" };
  assert.deepEqual(podHostname(testPod(spec), "c.l"), { hostname: "h", fqdn: "h.s.default.svc.c.l" });
  const long = `${"a".repeat(62)}-b`;
  assert.equal(podHostname(testPod({}, { name: long }), "c.l").hostname, "a".repeat(62));
});

test("hostsFile() names the pod and its aliases", () => {
  const spec = { hostname: "h", subdomain: "s", hostAliases: [{ ip: "10.9.9.9", hostnames: ["x", "y"] }] };
  const lines = hostsFile(testPod(spec), ["10.0.0.2"], "c.l").split("\n");
  assert.ok(lines.includes("10.0.0.2\th.s.default.svc.c.l\th"));
  assert.ok(lines.includes("10.9.9.9\tx\ty"));
});
