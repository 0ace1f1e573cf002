import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod } from "#api/core/v1/types.gen";
import type { NetworkPolicySpec } from "#api/networking/v1/types.gen";
import { IPV4, IPV6, type NftFamily } from "../address-family.ts";
import { compile, concerns } from "./compiled-policy.ts";
import { plan, type PolicyPlan } from "./plan.ts";
import { policyPodOf, startingPodOf } from "./policy-pod.ts";
import { PolicyTable } from "./policy-table.ts";

const WEB = podWith("web", "10.244.0.2", "fd00:10:244::2");
const FRIEND = podWith("friend", "10.244.0.3", "fd00:10:244::3");

test("plan() of IPv6 speaks of ip6 alone, and leaves out blocks of IPv4", () => {
  const spec: NetworkPolicySpec = {
    podSelector: { matchLabels: { app: "web" } },
    ingress: [
      {
        from: [
          { podSelector: { matchLabels: { app: "friend" } } },
          { ipBlock: { cidr: "FD00:10:0:0::7/32", except: ["fd00:10:244:1::/64", "10.0.0.0/8"] } },
          { ipBlock: { cidr: "10.0.0.0/8" } },
        ],
        ports: [{ port: "http" }],
      },
      { from: [{ ipBlock: { cidr: "192.0.2.0/24" } }] },
    ],
  };
  const rules = [...planOf(spec, IPV6).chains.values()]
    .flat()
    .join("\n")
    .replaceAll(/-?[0-9a-f]{16}-0/g, "");
  assert.equal(
    rules,
    [
      "ip6 saddr @ingress-peers ip6 daddr . meta l4proto . th dport @ingress-ports accept",
      "ip6 saddr fd00:10::/32 ip6 saddr != fd00:10:244:1::/64 ip6 daddr . meta l4proto . th dport @ingress-ports accept",
    ].join("\n"),
  );
  const sets = [...planOf(spec, IPV6).sets.values()];
  assert.deepEqual(
    sets.map(({ type, elements }) => [type, ...elements]),
    [
      ["ipv6_addr", "fd00:10:244::3"],
      ["ipv6_addr . inet_proto . inet_service", "fd00:10:244::2 . tcp . 80"],
    ],
  );
  assert.deepEqual([...planOf(spec, IPV6).isolated.ingress], ["fd00:10:244::2"]);
  assert.deepEqual([...planOf(spec, IPV4).isolated.ingress], ["10.244.0.2"]);
});

test("concerns() finds a pod of IPv6 in a block whose ports have names", () => {
  const ingress = [{ from: [{ ipBlock: { cidr: "fd00:10:244::/56" } }], ports: [{ port: "http" }] }];
  const policy = compiled({ podSelector: { matchLabels: { app: "other" } }, ingress }, IPV6);
  assert.equal(concerns(policy, policyPodOf(FRIEND, "n1", "IPv6")!, undefined), true);
  assert.equal(concerns(policy, policyPodOf(FRIEND, "n1", "IPv4")!, undefined), false);
});

test("policyPodOf() has no pod without an address of the family, which yet has started", () => {
  const single = podWith("old", "10.244.0.9");
  assert.equal(policyPodOf(single, "n1", "IPv6"), undefined);
  assert.equal(startingPodOf(single, "n1"), undefined);
  assert.notEqual(startingPodOf(podWith("new"), "n1"), undefined);
});

test("PolicyTable of IPv6 lets neighbours find each other before anything is refused, and closes link-local ways", async () => {
  const scripts: string[] = [];
  const table = new PolicyTable({ nft: (script) => Promise.resolve(void scripts.push(script)) }, IPV6);
  await table.commit(new Map(), undefined, new AbortController().signal);
  const [script = ""] = scripts;
  assert.match(script, /^add table ip6 k8ts-policy\n/);
  for (const direction of ["ingress", "egress"]) {
    const rules = script
      .split("\n")
      .filter((line) => line.startsWith(`add rule ip6 k8ts-policy ${direction} `));
    const at = (part: string): number => rules.findIndex((rule) => rule.includes(part));
    assert.ok(at("nd-neighbor-solicit") < at("fe80::/10 drop"));
    assert.ok(at("fe80::/10 drop") < at(`vmap @${direction}-pods`));
  }
  assert.doesNotMatch(script, /ipv4|ip saddr|ip daddr/);
});

function planOf(spec: NetworkPolicySpec, nft: NftFamily): PolicyPlan {
  const pods = new Map([WEB, FRIEND].map((pod) => [pod.metadata.name, policyPodOf(pod, "n1", nft.family)!]));
  const view = { nft, namespaces: new Map([["default", {}]]), pods: new Map([["default", pods]]) };
  return plan(compiled(spec, nft), view);
}

function compiled(spec: NetworkPolicySpec, { family }: NftFamily): ReturnType<typeof compile> {
  const metadata = { name: "p", namespace: "default" };
  return compile({ apiVersion: "networking.k8s.io/v1", kind: "NetworkPolicy", metadata, spec }, family);
}

function podWith(name: string, ...ips: readonly string[]): Pod {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace: "default", labels: { app: name } },
    spec: { nodeName: "n1", containers: [{ name: "main", ports: [{ name: "http", containerPort: 80 }] }] },
    status: {
      phase: "Running",
      ...(ips[0] !== undefined && { podIP: ips[0], podIPs: ips.map((ip) => ({ ip })) }),
    },
  };
}
