import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { NetworkPolicy, NetworkPolicySpec } from "#api/networking/v1/types.gen";
import { compile, concerns } from "./compiled-policy.ts";
import { plan, planDispatch, type ClusterView, type PolicyPlan } from "./plan.ts";
import { policyPodOf, type PolicyPod } from "./policy-pod.ts";

const web = pod("default", "web", "10.244.0.2", { app: "web" }, { http: 8080 });
const db = pod("default", "db", "10.244.0.3", { app: "db" });
const client = pod("default", "client", "10.244.1.2", { role: "client" }, { http: 9090 }, false);
const monitor = pod("ops", "monitor", "10.244.1.3", { type: "monitoring" }, {}, false);
const other = pod("ops", "other", "10.244.1.4", {}, {}, false);
const dns = {
  ...pod("kube-system", "coredns", "192.168.49.3", { "k8s-app": "kube-dns" }, { dns: 53 }, false),
  isHostNetwork: true,
};
const view = viewOf(web, db, client, monitor, other, dns);

const forWeb = { podSelector: { matchLabels: { app: "web" } } };

/** Recipes that users know, and what each lets in or out: rules with the addresses of their sets written in. */
const recipes: readonly {
  readonly name: string;
  readonly spec: NetworkPolicySpec;
  readonly ingress?: readonly string[];
  readonly egress?: readonly string[];
}[] = [
  { name: "deny all ingress", spec: { ...forWeb, policyTypes: ["Ingress"] }, ingress: [] },
  { name: "a policy without types", spec: forWeb, ingress: [] },
  {
    name: "deny all",
    spec: { ...forWeb, policyTypes: ["Ingress", "Egress"] },
    ingress: [],
    egress: [],
  },
  { name: "allow all ingress", spec: { ...forWeb, ingress: [{}] }, ingress: ["accept"] },
  {
    name: "allow from pods of the namespace",
    spec: { ...forWeb, ingress: [{ from: [{ podSelector: {} }] }] },
    ingress: ["ip saddr {10.244.0.2,10.244.0.3,10.244.1.2} accept"],
  },
  {
    name: "allow from a namespace",
    spec: { ...forWeb, ingress: [{ from: [{ namespaceSelector: nameOf("ops") }] }] },
    ingress: ["ip saddr {10.244.1.3,10.244.1.4} accept"],
  },
  {
    name: "allow from some pods of all namespaces, which lets no host network in",
    spec: {
      ...forWeb,
      ingress: [
        {
          from: [
            {
              namespaceSelector: {},
              podSelector: { matchExpressions: [{ key: "app", operator: "DoesNotExist" }] },
            },
          ],
        },
      ],
    },
    ingress: ["ip saddr {10.244.1.2,10.244.1.3,10.244.1.4} accept"],
  },
  {
    name: "allow from pods in a namespace, and from a namespace",
    spec: {
      ...forWeb,
      ingress: [
        {
          from: [
            {
              namespaceSelector: nameOf("ops"),
              podSelector: { matchLabels: { type: "monitoring" } },
            },
            { podSelector: { matchLabels: { role: "client" } } },
          ],
        },
      ],
    },
    ingress: ["ip saddr {10.244.1.2,10.244.1.3} accept"],
  },
  {
    name: "allow a block but a part of it, to a range of ports",
    spec: {
      ...forWeb,
      ingress: [
        {
          from: [{ ipBlock: { cidr: "172.17.0.9/16", except: ["172.17.1.0/24", "172.17.2.0/24"] } }],
          ports: [
            { port: 80 },
            { protocol: "TCP", port: 8000, endPort: 8100 },
            { protocol: "TCP", port: 8050, endPort: 8200 },
            { protocol: "UDP", port: 53 },
            { protocol: "SCTP" },
          ],
        },
      ],
    },
    ingress: [
      "ip saddr 172.17.0.0/16 ip saddr != 172.17.1.0/24 ip saddr != 172.17.2.0/24 meta l4proto tcp th dport { 80 , 8000-8200 } accept",
      "ip saddr 172.17.0.0/16 ip saddr != 172.17.1.0/24 ip saddr != 172.17.2.0/24 meta l4proto udp th dport { 53 } accept",
      "ip saddr 172.17.0.0/16 ip saddr != 172.17.1.0/24 ip saddr != 172.17.2.0/24 meta l4proto sctp accept",
    ],
  },
  {
    name: "a block of IPv6 addresses alone lets nobody in",
    spec: { ...forWeb, ingress: [{ from: [{ ipBlock: { cidr: "2001:db8::/32" } }] }] },
    ingress: [],
  },
  {
    name: "a named port is the selected pod's for ingress",
    spec: {
      ...forWeb,
      ingress: [{ from: [{ podSelector: { matchLabels: { role: "client" } } }], ports: [{ port: "http" }] }],
    },
    ingress: ["ip saddr {10.244.1.2} ip daddr . meta l4proto . th dport {10.244.0.2 . tcp . 8080} accept"],
  },
  {
    name: "a named port is every peer's own for egress",
    spec: { ...forWeb, policyTypes: ["Egress"], egress: [{ ports: [{ port: "http" }] }] },
    egress: ["ip daddr . meta l4proto . th dport {10.244.0.2 . tcp . 8080,10.244.1.2 . tcp . 9090} accept"],
  },
  {
    name: "a named port with a block is that of the pods in it",
    spec: {
      ...forWeb,
      policyTypes: ["Egress"],
      egress: [
        {
          to: [{ ipBlock: { cidr: "10.244.0.0/16", except: ["10.244.1.0/24"] } }],
          ports: [{ port: "http" }],
        },
      ],
    },
    egress: ["ip daddr . meta l4proto . th dport {10.244.0.2 . tcp . 8080} accept"],
  },
  {
    name: "a named port of another protocol is none",
    spec: { ...forWeb, ingress: [{ ports: [{ port: "http", protocol: "UDP" }] }] },
    ingress: ["ip daddr . meta l4proto . th dport {} accept"],
  },
  {
    name: "egress to DNS only, which may run in the host network",
    spec: {
      ...forWeb,
      policyTypes: ["Egress"],
      egress: [
        {
          to: [
            {
              namespaceSelector: nameOf("kube-system"),
              podSelector: { matchLabels: { "k8s-app": "kube-dns" } },
            },
          ],
          ports: [
            { port: 53, protocol: "UDP" },
            { port: 53, protocol: "TCP" },
          ],
        },
      ],
    },
    egress: [
      "ip daddr {192.168.49.3} meta l4proto udp th dport { 53 } accept",
      "ip daddr {192.168.49.3} meta l4proto tcp th dport { 53 } accept",
    ],
  },
];

suite("plan()", () => {
  for (const { name, spec, ingress, egress } of recipes)
    test(`plan() of a policy: ${name}`, () => {
      const result = plan(compile(policy("p", spec)), view);
      assert.deepEqual(rulesOf(result, "ingress"), ingress);
      assert.deepEqual(rulesOf(result, "egress"), egress);
      assert.deepEqual([...result.isolated.ingress], ingress === undefined ? [] : ["10.244.0.2"]);
      assert.deepEqual([...result.isolated.egress], egress === undefined ? [] : ["10.244.0.2"]);
    });

  test("plan() is empty for a policy that selects pods of other nodes only", () => {
    const spec = { podSelector: { matchLabels: { role: "client" } } };
    assert.equal(plan(compile(policy("p", spec)), view).chains.size, 0);
  });

  test("plan() does not isolate pods in the host network", () => {
    const all = compile(policy("p", { podSelector: {} }));
    assert.equal(plan(all, viewOf({ ...web, isHostNetwork: true })).chains.size, 0);
  });

  test("planDispatch() lets pods with the same policies share a chain, and a pod with two ask both", () => {
    const dispatch = planDispatch(
      new Map([
        ["default/all", plan(compile(policy("all", { podSelector: {} })), view)],
        ["default/web", plan(compile(policy("web", forWeb)), view)],
      ]),
    );
    const verdicts = [...dispatch.sets.get("ingress-pods")!.elements];
    assert.equal(verdicts.length, 2);
    const rules = verdicts.map((element) => dispatch.chains.get(element.split(" goto ")[1]!)!);
    assert.deepEqual(
      rules.map((chain) => [chain.length, chain.at(-1)]),
      [
        [3, "drop"],
        [2, "drop"],
      ],
    );
    assert.deepEqual([...dispatch.sets.get("egress-pods")!.elements], []);
    assert.ok(dispatch.sets.get("own-traffic")!.elements.has("10.244.0.3 . 10.244.0.3"));
  });
});

test("concerns() says which pods a policy must be planned anew for", () => {
  const spec = { ...forWeb, ingress: [{ from: [{ namespaceSelector: nameOf("ops") }] }] };
  const compiled = compile(policy("p", spec));
  const found = [web, db, client, monitor].filter((each) =>
    concerns(compiled, each, view.namespaces.get(each.namespace)),
  );
  assert.deepEqual(
    found.map(({ name }) => name),
    ["web", "monitor"],
  );
});

test("policyPodOf() knows no pods without an address, nor those that ended", () => {
  assert.equal(podOf({ phase: "Pending" }), undefined);
  assert.equal(podOf({ phase: "Succeeded", podIP: "10.244.0.2" }), undefined);
  assert.equal(
    podOf({ phase: "Running", podIP: "fd00::1", podIPs: [{ ip: "10.244.0.2" }] })?.ip,
    "10.244.0.2",
  );
});

function podOf(status: object): PolicyPod | undefined {
  return policyPodOf(
    { apiVersion: "v1", kind: "Pod", metadata: { name: "a", namespace: "b" }, status },
    "n1",
  );
}

function nameOf(name: string): { readonly matchLabels: Readonly<Record<string, string>> } {
  return { matchLabels: { "kubernetes.io/metadata.name": name } };
}

/** Rules of a direction with the elements of each set in place of its name; undefined if it is not isolated. */
function rulesOf(result: PolicyPlan, direction: string): readonly string[] | undefined {
  const chain = [...result.chains].find(([name]) => name.startsWith(direction));
  return chain?.[1].map((rule) =>
    rule.replaceAll(/@(\S+)/g, (_, name: string) => `{${[...result.sets.get(name)!.elements].join()}}`),
  );
}

function policy(name: string, spec: NetworkPolicySpec): NetworkPolicy {
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    metadata: { name, namespace: "default" },
    spec,
  };
}

function pod(
  namespace: string,
  name: string,
  ip: string,
  labels: Readonly<Record<string, string>>,
  ports: Readonly<Record<string, number>> = {},
  isLocal = true,
): PolicyPod {
  const namedPorts = Object.entries(ports).map(([key, port]) => ({ name: key, protocol: "tcp", port }));
  return { namespace, name, labels, ip, isLocal, isHostNetwork: false, namedPorts };
}

function viewOf(...pods: readonly PolicyPod[]): ClusterView {
  const byNamespace = Map.groupBy(pods, ({ namespace }) => namespace);
  return {
    namespaces: new Map([...byNamespace.keys()].map((name) => [name, nameOf(name).matchLabels])),
    pods: new Map(
      [...byNamespace].map(([name, own]) => [name, new Map(own.map((each) => [each.name, each]))]),
    ),
  };
}
