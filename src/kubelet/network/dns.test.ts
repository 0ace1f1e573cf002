import assert from "node:assert/strict";
import { mkdtempDisposable, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { PodDNSConfig, PodSpec } from "#api/core/v1/types.gen";
import { silentLogger, systemClock } from "#apimachinery";
import type { EventRecorder } from "#client";
import type { DNSConfig } from "#cri";
import { testPod } from "../container/testing.ts";
import { linuxPlatform } from "../platform/linux.ts";
import { checkResolvConf } from "./check-resolv-conf.ts";
import { parseResolvConf, podDNS, type NodeDNS } from "./dns.ts";
import { resolvConfProblem } from "./dns-limits.ts";
import { hostsFile, podHostname } from "./hostname.ts";
import { nodeResolver } from "./node-resolver.ts";

const SEARCHES_OMITTED =
  "Search Line limits were exceeded, some search paths have been omitted, the applied search line is: ";
const cluster = { servers: ["10.96.0.10"], domain: "cluster.local" };
const own = parseResolvConf("# mine\nnameserver 192.0.2.53\nsearch example.com.\noptions timeout:1\n");
const node = { base: own, host: own };
const ours = ["default.svc.cluster.local", "svc.cluster.local", "cluster.local", "example.com"];

const cases: readonly (readonly [string, Partial<PodSpec>, object])[] = [
  [
    "asks the cluster first by default",
    {},
    { servers: ["10.96.0.10"], searches: ours, options: ["ndots:5"] },
  ],
  ["asks the node with Default", { dnsPolicy: "Default" }, own],
  ["asks the node on the node's network", { dnsPolicy: "ClusterFirst", hostNetwork: true }, own],
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
  test(`podDNS() ${name}`, () =>
    assert.deepEqual(podDNS(testPod(spec), cluster, node), { config: want, problems: [] }));
}

test("podDNS() without a cluster's DNS takes the node's, and says so of node and pod", () => {
  const { config, problems } = podDNS(testPod(), { ...cluster, servers: [] }, node);
  assert.deepEqual(config, own);
  const why =
    'kubelet does not have ClusterDNS IP configured and cannot create Pod using "ClusterFirst" policy. Falling back to "Default" policy.';
  assert.deepEqual(problems, [
    { about: "node", reason: "MissingClusterDNS", message: why },
    { about: "pod", reason: "MissingClusterDNS", message: `pod: "web_default(u1)". ${why}` },
  ]);
  const asked = podDNS(testPod({ dnsPolicy: "Default" }), { ...cluster, servers: [] }, node);
  assert.deepEqual(asked.problems, [], "who asks for the node's misses nothing");
});

const short = Array.from({ length: 34 }, (_, i) => `s${i}`);
/** 12 of them and the spaces between are 2,049 characters. */
const tooLong = Array.from(
  { length: 12 },
  (_, i) => `${"a".repeat(i === 0 ? 164 : 166)}${String(i).padStart(4, "-")}`,
);
const limits: readonly (readonly [string, PodDNSConfig, Partial<DNSConfig>, string])[] = [
  [
    "three nameservers",
    { nameservers: ["1.1.1.1", "1.1.1.2", "1.1.1.3", "1.1.1.4"] },
    { servers: ["1.1.1.1", "1.1.1.2", "1.1.1.3"] },
    "Nameserver limits were exceeded, some nameservers have been omitted, the applied nameserver line is: 1.1.1.1 1.1.1.2 1.1.1.3",
  ],
  [
    "32 search paths",
    { searches: short },
    { searches: short.slice(0, 32) },
    `${SEARCHES_OMITTED}${short.slice(0, 32).join(" ")}`,
  ],
  [
    "search paths of 253 characters",
    { searches: ["a", "b".repeat(254), "c".repeat(253)] },
    { searches: ["a", "c".repeat(253)] },
    `${SEARCHES_OMITTED}a ${"c".repeat(253)}`,
  ],
  [
    "2,048 characters of search paths",
    { searches: tooLong },
    { searches: tooLong.slice(0, 11) },
    `${SEARCHES_OMITTED}${tooLong.slice(0, 11).join(" ")}`,
  ],
];

for (const [what, dnsConfig, want, message] of limits) {
  test(`podDNS() keeps within ${what}, and says what is left`, () => {
    const { config, problems } = podDNS(testPod({ dnsPolicy: "None", dnsConfig }), cluster, node);
    assert.deepEqual(config, { servers: [], searches: [], options: [], ...want });
    assert.deepEqual(problems, [{ about: "pod", reason: "DNSConfigForming", message }]);
  });
}

test("podDNS() says nothing of what is just within the limits", () => {
  const dnsConfig = { nameservers: ["1", "2", "3"], searches: ["a".repeat(253), ...short.slice(0, 31)] };
  assert.deepEqual(podDNS(testPod({ dnsPolicy: "None", dnsConfig }), cluster, node).problems, []);
});

function problem(searches: readonly string[], domain = "cluster.local"): string | undefined {
  return resolvConfProblem("/r", { searches }, domain);
}

test("resolvConfProblem() names what of the node's search paths does not fit", () => {
  assert.equal(problem(short.slice(0, 29)), undefined);
  assert.equal(
    problem(short.slice(0, 30)),
    "Resolv.conf file '/r' contains search line consisting of more than 29 domains!",
  );
  assert.equal(problem(short.slice(0, 32), ""), undefined);
  assert.equal(
    problem(["b".repeat(254)]),
    'Resolv.conf file "/r" contains a search path which length is more than allowed 253 chars!',
  );
  assert.equal(
    problem(tooLong),
    "Resolv.conf file '/r' contains search line which length is more than allowed 2048 chars!",
  );
});

test("checkResolvConf() tells of the node only what does not fit, or cannot be read", async () => {
  const told: string[] = [];
  const event: EventRecorder["event"] = (about, type, reason, message) =>
    void told.push(`${about.kind} ${about.metadata.uid} ${type} ${reason} ${message}`);
  const check = async (text: string | undefined, path = "/r"): Promise<void> => {
    const platform = { readResolvConf: () => Promise.resolve(text) };
    const resolver = (): Promise<NodeDNS> => nodeResolver({ platform, path, nodeIPs: [] });
    await checkResolvConf({ recorder: { event }, nodeName: "n1", path, resolver, clusterDomain: "c.l" });
  };
  for (const text of [undefined, "", `search ${short.slice(0, 29).join(" ")}\n`]) await check(text);
  await check(`search ${short.join(" ")}\n`, "");
  assert.deepEqual(told, []);
  await check(`search ${short.join(" ")}\n`);
  await check("nameserver\n");
  assert.deepEqual(told, [
    "Node n1 Warning CheckLimitsForResolvConf Resolv.conf file '/r' contains search line consisting of more than 29 domains!",
    "Node n1 Warning CheckLimitsForResolvConf nameserver list is empty ",
  ]);
});

test("nodeResolver() reads the file anew for each pod, and rejects when it cannot", async () => {
  await using dir = await mkdtempDisposable(join(tmpdir(), "k8ts-resolv-"));
  const path = join(dir.path, "resolv.conf");
  const platform = linuxPlatform({ rootDir: dir.path, clock: systemClock, logger: silentLogger });
  const servers = async (): Promise<readonly string[]> =>
    (await nodeResolver({ platform, path, nodeIPs: [] })).host.servers;
  await assert.rejects(servers(), { message: `open ${path}: no such file or directory` });
  await writeFile(path, "nameserver 192.0.2.1\n");
  assert.deepEqual(await servers(), ["192.0.2.1"]);
  await writeFile(path, "nameserver 192.0.2.2\nnameserver 192.0.2.3\n");
  assert.deepEqual(await servers(), ["192.0.2.2", "192.0.2.3"]);
});

test("nodeResolver() of no file leads pods with the node's resolver to themselves, others to the cluster alone", async () => {
  const platform = { readResolvConf: () => Promise.reject(new Error("is not to be read")) };
  const none = await nodeResolver({ platform, path: "", nodeIPs: ["192.0.2.2", "fd01::2"] });
  const of = (spec: Partial<PodSpec>): object => podDNS(testPod(spec), cluster, none).config;
  const local = { servers: ["127.0.0.1", "::1"], searches: ["."], options: [] };
  assert.deepEqual(of({ dnsPolicy: "Default" }), local);
  assert.deepEqual(of({ hostNetwork: true }), local);
  assert.deepEqual(of({}), { servers: ["10.96.0.10"], searches: ours.slice(0, 3), options: ["ndots:5"] });
  assert.deepEqual(of({ dnsPolicy: "None" }), { servers: [], searches: [], options: [] });
  const alone = await nodeResolver({ platform, path: "", nodeIPs: [] });
  assert.deepEqual(alone.host.servers, ["127.0.0.1"]);
});

test("parseResolvConf() takes the last search line without the root, and each option's last value", () => {
  const text =
    "search old\noptions ndots:1 rotate\nnameserver 1\nnameserver 2\nsearch a. . b\noptions ndots:2\n";
  assert.deepEqual(parseResolvConf(text), {
    servers: ["1", "2"],
    searches: ["a", "b"],
    options: ["ndots:2", "rotate"],
  });
});

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
