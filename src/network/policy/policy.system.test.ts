import assert from "node:assert/strict";
import { once } from "node:events";
import { after, before, beforeEach, suite, test } from "node:test";
import type { NetworkPolicyPeer, NetworkPolicySpec } from "#api/networking/v1/types.gen";
import { compile } from "./compiled-policy.ts";
import { plan } from "./plan.ts";
import type { PolicyPod } from "./policy-pod.ts";
import { PolicyTable } from "./policy-table.ts";
import { PolicyNetwork, POLICY_NETWORKS, type Expected, type PodName } from "./testing/policy-network.ts";

const isRoot = process.geteuid?.() === 0;
const never = new AbortController().signal;
const DEFAULT_LABELS = { "kubernetes.io/metadata.name": "default" };
const TEAM_LABELS = { "kubernetes.io/metadata.name": "team", env: "prod" };

/** Traffic between the network namespaces of pods, by the kernel's real tables. */
suite(
  "network policies in network namespaces",
  { skip: isRoot ? false : "needs root to make network namespaces", concurrency: 2 },
  () => {
    for (const { nft, ips, node, service, range } of POLICY_NETWORKS)
      suite(nft.family, { concurrency: 1 }, () => {
        const all = Object.keys(ips) as readonly PodName[];
        let network: PolicyNetwork;
        let table: PolicyTable;

        before(async () => {
          network = await PolicyNetwork.make({ nft, ips, node, service, range });
        });
        after(() => network?.[Symbol.asyncDispose]());
        beforeEach(() => {
          table = new PolicyTable({ nft: (script) => network.nft(script) }, nft);
        });

        /** Asked all at once. */
        const expect = (...expected: readonly Expected[]): Promise<void> => network.expect(expected);

        test("without policies all pods reach each other", async () => {
          await enforce();
          await expect(
            ["client", "web", 80, true],
            ["remote", "web", 80, true],
            ["web", "remote", 80, true],
            ["guest", "web", 53, true],
          );
        });

        test("deny all ingress stops the bridge's and the routed pods, not the node, and lets replies pass", async () => {
          await enforce({ ...of("web"), policyTypes: ["Ingress"] });
          await expect(
            ["client", "web", 80, false],
            ["remote", "web", 80, false],
            ["client", "web", 53, false],
            ["node", "web", 80, true],
            ["web", "client", 80, true],
            ["web", "remote", 53, true],
            ["remote", "client", 80, true],
          );
        });

        test("deny all egress stops what the pod begins, not its answers, and nothing to its own node", async () => {
          await enforce({ ...of("web"), policyTypes: ["Egress"] });
          await expect(
            ["web", "client", 80, false],
            ["web", "remote", 80, false],
            ["client", "web", 80, true],
            ["web", "node", 80, true],
          );
        });

        test("allowed is what any policy allows: peers, ports, ranges and names", async () => {
          await enforce(
            { ...of("web"), policyTypes: ["Ingress"] },
            { ...of("web"), ingress: [{ from: [peer("client")], ports: [{ port: 8080, endPort: 8090 }] }] },
            { ...of("web"), ingress: [{ from: [peer("remote")], ports: [{ port: "http" }] }] },
          );
          await expect(
            ["client", "web", 8080, true],
            ["client", "web", 8081, true],
            ["client", "web", 80, false],
            ["remote", "web", 80, true],
            ["remote", "web", 8081, false],
          );
          const ports = [
            { port: 79, endPort: 8080 },
            { protocol: "UDP", port: 54, endPort: 60 },
          ];
          await enforce({ ...of("web"), ingress: [{ from: [peer("client")], ports }] });
          await expect(
            ["client", "web", 80, true],
            ["client", "web", 8080, true],
            ["client", "web", 8081, false],
            ["client", "web", 53, false],
          );
        });

        test("a named port is each pod's own, for those that are called and for those that call", async () => {
          await enforce(
            { ...of("web", "client"), ingress: [{ ports: [{ port: "http" }] }] },
            {
              ...of("guest"),
              policyTypes: ["Egress"],
              egress: [{ to: [peer("web"), peer("client")], ports: [{ port: "http" }] }],
            },
          );
          await expect(
            ["remote", "web", 80, true],
            ["remote", "web", 8081, false],
            ["remote", "client", 8081, true],
            ["remote", "client", 80, false],
          );
          // the second one selects nobody of its own namespace
          await expect(["guest", "remote", 80, true]);
          await enforce({
            ...of("web"),
            policyTypes: ["Egress"],
            egress: [{ to: [peer("remote"), peer("client")], ports: [{ port: "http" }] }],
          });
          await expect(
            ["web", "remote", 80, true],
            ["web", "remote", 8081, false],
            ["web", "client", 8081, true],
            ["web", "client", 80, false],
          );
        });

        test("egress and ingress must both allow", async () => {
          const out = { ...of("client"), policyTypes: ["Egress"], egress: [{ to: [peer("web")] }] };
          await enforce(out, { ...of("web"), ingress: [{ from: [peer("remote")] }] });
          await expect(["client", "web", 80, false]);
          await enforce(out, { ...of("web"), ingress: [{ from: [peer("remote"), peer("client")] }] });
          await expect(["client", "web", 80, true], ["client", "remote", 80, false]);
        });

        test("namespaces are selected by their labels, and with pods both must fit", async () => {
          const prod = { matchLabels: { env: "prod" } };
          const [guest] = [peer("guest").podSelector];
          const cases: readonly (readonly [NetworkPolicyPeer, readonly PodName[]])[] = [
            [{ namespaceSelector: prod }, ["guest"]],
            [{ namespaceSelector: {} }, ["guest", "client", "remote"]],
            [{ namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "team" } } }, ["guest"]],
            [
              { namespaceSelector: { matchExpressions: [{ key: "env", operator: "DoesNotExist" }] } },
              ["client", "remote"],
            ],
            [
              { namespaceSelector: { matchExpressions: [{ key: "env", operator: "In", values: ["dev"] }] } },
              [],
            ],
            [{ namespaceSelector: prod, podSelector: guest }, ["guest"]],
            [{ namespaceSelector: prod, ...peer("client") }, []],
            [{ podSelector: guest }, []],
          ];
          for (const [from, allowed] of cases) {
            await enforce({ ...of("web"), ingress: [{ from: [from] }] });
            const pods = ["guest", "client", "remote"] as const;
            await expect(...pods.map((pod) => [pod, "web", 80, allowed.includes(pod)] as const));
          }
          await enforce({ ...of("web"), ingress: [{ from: [{ namespaceSelector: prod }, peer("client")] }] });
          await expect(["guest", "web", 80, true], ["client", "web", 80, true], ["remote", "web", 80, false]);
          const egress = [{ to: [{ namespaceSelector: prod }] }];
          await enforce({ ...of("client"), policyTypes: ["Egress"], egress });
          await expect(["client", "guest", 80, true], ["client", "web", 80, false]);
        });

        test("a namespace whose labels change lets its pods in or out", async () => {
          const from = [{ namespaceSelector: { matchLabels: { env: "prod" } } }];
          const spec = { ...of("web"), ingress: [{ from }] };
          for (const env of ["prod", "dev", "prod"]) {
            await commit([spec], { team: { ...TEAM_LABELS, env } });
            await expect(["guest", "web", 80, env === "prod"], ["client", "web", 80, false]);
          }
        });

        test("a block lets in all but what it excepts, and egress to DNS only is no more than that", async () => {
          const bits = nft.family === "IPv4" ? 32 : 128;
          const ipBlock = { cidr: range, except: [`${ips.client}/${bits}`] };
          await enforce(
            { ...of("web"), ingress: [{ from: [{ ipBlock }] }] },
            { ...of("remote", "client"), policyTypes: ["Egress"], egress: [{ ports: [DNS] }] },
          );
          await expect(
            ["remote", "web", 80, true],
            ["guest", "web", 80, true],
            ["client", "web", 80, false],
            ["client", "remote", 53, true],
            ["client", "remote", 80, false],
          );
          const egress = [{ to: [{ ipBlock: { cidr: range, except: [`${ips.web}/${bits}`] } }] }];
          await enforce({ ...of("client"), policyTypes: ["Egress"], egress });
          await expect(
            ["client", "web", 80, false],
            ["client", "guest", 80, true],
            ["client", "remote", 80, true],
          );
        });

        test("who calls a service is judged by the pod and the port behind it", async () => {
          const calling = (...egress: NonNullable<NetworkPolicySpec["egress"]>): Promise<void> =>
            enforce({ ...of("client"), policyTypes: ["Egress"], egress });
          await calling({ to: [peer("web")], ports: [{ port: 8080 }] });
          await expect(["client", "service", 90, true]);
          await calling({ to: [peer("web")], ports: [{ port: 90 }] });
          await expect(["client", "service", 90, false]);
          await calling({ to: [{ ipBlock: { cidr: `${service}/${nft.family === "IPv4" ? 24 : 112}` } }] });
          await expect(["client", "service", 90, false]);
          await enforce({ ...of("web"), ingress: [{ from: [peer("client")], ports: [{ port: 8080 }] }] });
          await expect(["client", "service", 90, true], ["guest", "service", 90, false]);
        });

        test("pods in the host network may be called as peers, and do not let their node in as callers", async () => {
          const pods = all
            .map(podOf)
            .map((pod) => (pod.name === "remote" ? { ...pod, isHostNetwork: true } : pod));
          const egress = [{ to: [peer("remote")] }];
          await commit(
            [
              { ...of("web"), ingress: [{ from: [peer("remote"), peer("client")] }] },
              { ...of("client"), policyTypes: ["Egress"], egress },
            ],
            { pods },
          );
          await expect(
            ["remote", "web", 80, false],
            ["client", "remote", 80, true],
            ["client", "web", 80, false],
          );
        });

        test(
          "a connection that is open when a policy comes stays open; no other is opened",
          { timeout: 60_000 },
          async () => {
            await enforce();
            const open = network.talk("client", "web");
            const lines = open.stdout!.setEncoding("utf8")[Symbol.asyncIterator]();
            const echo = async (word: string): Promise<void> => {
              open.stdin!.write(`${word}\n`);
              assert.deepEqual(await lines.next(), { value: `${word}\n`, done: false });
            };
            await echo("before");
            await enforce(
              { ...of("web"), policyTypes: ["Ingress"] },
              { ...of("client"), policyTypes: ["Egress"] },
            );
            await expect(["client", "web", 80, false]);
            await echo("after");
            open.stdin!.end();
            await once(open, "exit");
          },
        );

        test("a pod that becomes a peer is let in, and a policy that goes lets everybody in", async () => {
          const spec = { ...of("web"), ingress: [{ from: [peer("client")] }] };
          const others = all.filter((name) => name !== "client").map(podOf);
          await commit([spec], { pods: [...others, { ...podOf("client"), labels: { app: "x" } }] });
          await expect(["client", "web", 80, false]);
          await commit([spec]);
          await expect(["client", "web", 80, true], ["remote", "web", 80, false]);
          await commit([]);
          await expect(["remote", "web", 80, true]);
        });

        test("a pod that starts is isolated before its address is known, and only it", async () => {
          await commit([], { known: new Set([ips.client]) });
          await expect(
            ["web", "client", 80, false],
            ["remote", "web", 80, false],
            ["client", "remote", 80, true],
            ["remote", "client", 80, true],
          );
          await commit([]);
          await expect(["web", "client", 80, true]);
        });

        const enforce = (...specs: readonly NetworkPolicySpec[]): Promise<void> => commit(specs);

        /** Policies of earlier calls that are not given again are deleted. */
        async function commit(
          specs: readonly NetworkPolicySpec[],
          view: {
            readonly pods?: readonly PolicyPod[];
            readonly known?: ReadonlySet<string>;
            readonly team?: Readonly<Record<string, string>>;
          } = {},
        ): Promise<void> {
          const { pods = all.map(podOf), known, team = TEAM_LABELS } = view;
          const cluster = {
            nft,
            namespaces: new Map([
              ["default", DEFAULT_LABELS],
              ["team", team],
            ]),
            pods: new Map(
              [...Map.groupBy(pods, ({ namespace }) => namespace)].map(([namespace, own]) => [
                namespace,
                new Map(own.map((pod) => [pod.name, pod])),
              ]),
            ),
          };
          const absent = { podSelector: { matchLabels: { app: "nobody" } } };
          const plans = Array.from({ length: POLICIES_MAX }, (_, index) => {
            const metadata = { namespace: "default", name: `p${index}` };
            const kind = { apiVersion: "networking.k8s.io/v1", kind: "NetworkPolicy" } as const;
            const policy = compile({ ...kind, metadata, spec: specs[index] ?? absent }, nft.family);
            return [`default/p${index}`, plan(policy, cluster)] as const;
          });
          await table.commit(new Map(plans), known, never);
        }

        /** `guest` is of the namespace `team`; the port `http` of `client` has another number. */
        function podOf(name: PodName): PolicyPod {
          const namedPorts = [{ name: "http", protocol: "tcp", port: name === "client" ? 8081 : 80 }];
          const isLocal = name !== "remote";
          const namespace = name === "guest" ? "team" : "default";
          return {
            namespace,
            name,
            labels: { app: name },
            ip: ips[name],
            isLocal,
            isHostNetwork: false,
            namedPorts,
          };
        }
      });
  },
);

const POLICIES_MAX = 3;
const DNS = { port: 53, protocol: "UDP" } as const;

function of(...apps: readonly PodName[]): NetworkPolicySpec {
  return { podSelector: { matchExpressions: [{ key: "app", operator: "In", values: apps }] } };
}

function peer(app: PodName): { readonly podSelector: { readonly matchLabels: Record<string, string> } } {
  return { podSelector: { matchLabels: { app } } };
}
