import assert from "node:assert/strict";
import { once } from "node:events";
import { after, before, beforeEach, suite, test } from "node:test";
import { silentLogger } from "#apimachinery";
import { deleteStaleFlows } from "#component-base";
import { nodePortAddresses, type NodePortAddresses } from "./addresses.ts";
import { tablesOf, DIALECTS } from "./nftables/dialect.ts";
import type { MasqueradeOptions } from "./nftables/masquerade.ts";
import { systemNft, type NftRunner } from "./nftables/nft-runner.ts";
import type { ServicePlan } from "./plan.ts";
import { removal, ServiceTable } from "./service-table.ts";
import { POD_NETWORKS, PodNetwork, PORTS, type PlaceName } from "./testing/pod-network.ts";
import { LOCAL, NODE, NODE_PORT, servedBy, ZONE, type Behind, type Serving } from "./testing/served.ts";

const isRoot = process.geteuid?.() === 0;
const never = new AbortController().signal;
const NEAR: Behind = { pod: "near" };
const FAR: Behind = { pod: "far" };
const REFUSED = "ECONNREFUSED";
/** Numbers of protocols. */
const STREAMS = [
  ["TCP", 6],
  ["SCTP", 132],
] as const;
const UDP = [{ port: 80, protocol: "UDP", nodePort: NODE_PORT }] as const;

/** Pods, a node and somebody outside; the kernel's real tables in between. */
suite(
  "paths of services",
  { skip: isRoot ? false : "needs root to make network namespaces", concurrency: 2 },
  () => {
    for (const plan of POD_NETWORKS)
      suite(plan.family, { concurrency: 1 }, () => {
        const { family, clusterIP, externalIP, balancerIP, nodeIP, bridgeIP, linkIP, outside } = plan;
        const isV4 = family === "IPv4";
        const dialect = DIALECTS[family];
        let network: PodNetwork;
        let nft: NftRunner;
        let table: ServiceTable;

        before(async () => {
          network = await PodNetwork.make(`paths${isV4 ? 4 : 6}`, plan);
          nft = systemNft(network.enter("node"));
        });
        beforeEach(() => anew());
        after(() => network?.[Symbol.asyncDispose]());

        const ask = (...args: Parameters<PodNetwork["ask"]>): Promise<string> => network.ask(...args);
        const drops = (...args: Parameters<PodNetwork["drops"]>): Promise<void> => network.drops(...args);
        const everyone = (from: PlaceName, to: string, port = 80): Promise<readonly string[]> =>
          network.everyone(from, to, port);
        const commit = (service: ServicePlan): Promise<void> =>
          table.commit(new Map([["default/web", service]]), [], never);
        const serve = (behind: readonly Behind[], spec: Serving = {}): Promise<void> =>
          commit(servedBy(plan, behind, spec));

        /** A proxy that starts on a node without any rules. */
        async function anew(
          masquerade: Partial<MasqueradeOptions> = {},
          nodePorts: NodePortAddresses = { type: "some", ips: [nodeIP], hasLoopback: false },
        ): Promise<void> {
          await nft.apply(`${tablesOf(dialect).flatMap(removal).join("\n")}\n`, never);
          table = new ServiceTable({
            dialect,
            nft,
            serviceCIDRs: [plan.serviceCIDR],
            masquerade: { clusterCIDRs: [plan.clusterCIDR], ...masquerade },
            nodePorts,
            sysctl: async (name, value) => void network.run("node", "sysctl", "-qw", `${name}=${value}`),
          });
          await table.open(never);
        }

        test("the service range is closed before any service is known, and but for their ports after that", async () => {
          await drops(["node", "client"], plan.unusedIP, 80);
          await serve([NEAR]);
          for (const protocol of ["tcp", "udp"] as const)
            await drops(["node", "client"], plan.unusedIP, 8080, { protocol });
          for (const from of ["node", "client", "outside"] as const) {
            assert.match(await ask(from, clusterIP, 80), /^near/);
            assert.equal(await ask(from, clusterIP, 81), REFUSED, from);
            assert.equal(await ask(from, clusterIP, 81, { protocol: "udp" }), REFUSED, from);
          }
          await commit(servedBy(plan, [], { type: "ExternalName" }));
          await drops(["node", "client", "outside"], clusterIP, 80);
        });

        test("ranges of ServiceCIDRs are closed while they are there, overlapping ones too", async () => {
          const [inside, wide] = isV4
            ? (["203.0.113.10/32", "203.0.113.0/24"] as const)
            : (["2001:db8:9::10/128", "2001:db8:9::/64"] as const);
          for (const ranges of [[inside], [wide, inside], [wide]]) {
            await table.commit(new Map(), ranges, never);
            await drops(["node", "client"], plan.proxyIP, 8080);
          }
          await table.commit(new Map(), [], never);
          for (const from of ["node", "client"] as const)
            assert.match(await ask(from, plan.proxyIP, 8080), /^outside/);
        });

        test("who is seen by an endpoint", async () => {
          // the endpoint's node is `node`: `near` is its own, `far` another one's
          const cases: readonly (readonly [PlaceName, string, number, Behind, Serving, seen: string])[] = [
            ["client", clusterIP, 80, NEAR, {}, plan.client],
            ["client", clusterIP, 80, FAR, {}, plan.client],
            ["node", clusterIP, 80, NEAR, {}, bridgeIP],
            ["node", clusterIP, 80, FAR, {}, linkIP],
            ["outside", clusterIP, 80, NEAR, {}, bridgeIP],
            ["outside", clusterIP, 80, FAR, {}, linkIP],
            ["outside", nodeIP, NODE_PORT, NEAR, {}, bridgeIP],
            ["outside", nodeIP, NODE_PORT, FAR, {}, linkIP],
            ["client", nodeIP, NODE_PORT, FAR, {}, linkIP],
            ["outside", externalIP, 80, FAR, {}, linkIP],
            ["client", externalIP, 80, NEAR, {}, bridgeIP],
            ["outside", balancerIP, 80, NEAR, {}, bridgeIP],
            ["outside", nodeIP, NODE_PORT, NEAR, LOCAL, outside],
            ["outside", externalIP, 80, NEAR, LOCAL, outside],
            ["outside", balancerIP, 80, NEAR, LOCAL, outside],
            ["client", balancerIP, 80, NEAR, LOCAL, plan.client],
            ["client", nodeIP, NODE_PORT, FAR, LOCAL, plan.client],
            ["node", balancerIP, 80, FAR, LOCAL, linkIP],
            // one that talks to itself would not know an answer for one
            ["near", clusterIP, 80, NEAR, {}, bridgeIP],
            ["near", nodeIP, NODE_PORT, NEAR, LOCAL, bridgeIP],
            ["near", balancerIP, 80, NEAR, LOCAL, bridgeIP],
            ["near", externalIP, 80, NEAR, {}, bridgeIP],
          ];
          for (const [from, to, port, behind, spec, seen] of cases) {
            await serve([behind], spec);
            assert.equal(await ask(from, to, port), `${behind.pod}:8080 ${seen}`, `${from} to ${to}:${port}`);
            await serve([behind], { ...spec, ports: [...UDP] });
            const answer = await ask(from, to, port, { protocol: "udp" });
            assert.equal(answer, `${behind.pod}:8080 ${seen}`, `${from} to ${to}:${port} by UDP`);
          }
        });

        test("whose address is kept, by masqueradeAll and by how pods are known", async () => {
          const cases: readonly (readonly [Partial<MasqueradeOptions>, pod: string, outside: string])[] = [
            [{ masqueradeAll: true }, linkIP, linkIP],
            [{ clusterCIDRs: [] }, plan.client, outside],
            [{ localInterface: { type: "name", name: "cni0" } }, plan.client, linkIP],
            [{ localInterface: { type: "prefix", name: "eth" }, masqueradeBit: 20 }, linkIP, outside],
          ];
          for (const [masquerade, pod, stranger] of cases) {
            await anew(masquerade);
            await serve([FAR]);
            assert.equal(await ask("client", clusterIP, 80), `far:8080 ${pod}`);
            assert.equal(await ask("outside", clusterIP, 80), `far:8080 ${stranger}`);
            assert.equal(await ask("outside", nodeIP, NODE_PORT), `far:8080 ${linkIP}`);
          }
        });

        test("what comes from outside for externalTrafficPolicy Local stays on the node; pods and the node reach all", async () => {
          const ways = [
            [externalIP, 80],
            [balancerIP, 80],
            [nodeIP, NODE_PORT],
          ] as const;
          for (const [to, port] of ways) {
            await serve([NEAR, FAR], LOCAL);
            assert.deepEqual(await everyone("outside", to, port), ["near"]);
            for (const from of ["client", "node"] as const)
              assert.deepEqual(await everyone(from, to, port), ["far", "near"]);
            await serve([FAR], LOCAL);
            await drops(["outside"], to, port);
            for (const from of ["client", "node"] as const)
              assert.deepEqual(await everyone(from, to, port), ["far"]);
            await serve([FAR]);
            assert.deepEqual(await everyone("outside", to, port), ["far"]);
          }
        });

        test("what comes to a cluster address for internalTrafficPolicy Local stays on the node, or is dropped", async () => {
          await serve([NEAR, FAR], { internalTrafficPolicy: "Local" });
          for (const from of ["client", "node", "outside"] as const)
            assert.deepEqual(await everyone(from, clusterIP), ["near"]);
          assert.deepEqual(await everyone("outside", nodeIP, NODE_PORT), ["far", "near"]);
          await serve([FAR], { internalTrafficPolicy: "Local" });
          await drops(["client", "node", "outside"], clusterIP, 80);
          assert.deepEqual(await everyone("client", nodeIP, NODE_PORT), ["far"]);
        });

        test("hints lead to the node or the zone, if every endpoint has them and one is for here", async () => {
          const cases: readonly (readonly [readonly Behind[], readonly string[]])[] = [
            [[hint("near", ZONE, NODE), hint("client", ZONE, "n3"), hint("far", "z2", "n2")], ["near"]],
            [
              [hint("near", ZONE, "n4"), hint("client", ZONE, "n3"), hint("far", "z2", "n2")],
              ["client", "near"],
            ],
            [
              [hint("near", ZONE, NODE), hint("client", ZONE), hint("far", "z2", "n2")],
              ["client", "near"],
            ],
            [[hint("near", "z2"), hint("client", "z2"), hint("far", ZONE)], ["far"]],
            [
              [hint("near", ZONE), FAR],
              ["far", "near"],
            ],
            [
              [hint("near", "z3"), hint("far", "z2")],
              ["far", "near"],
            ],
            [
              [
                hint("near", ZONE),
                { ...FAR, conditions: { ready: false, serving: true, terminating: true } },
              ],
              ["near"],
            ],
          ];
          for (const [behind, names] of cases) {
            await serve(behind);
            assert.deepEqual(await everyone("node", clusterIP), names);
          }
          // policies do not ask for hints where they stay on the node
          await serve([hint("near", "z2"), hint("far", ZONE)], LOCAL);
          assert.deepEqual(await everyone("outside", nodeIP, NODE_PORT), ["near"]);
          assert.deepEqual(await everyone("node", nodeIP, NODE_PORT), ["far"]);
        });

        test("endpoints that terminate serve when no ready one is left, here and everywhere by itself", async () => {
          await serve([ending("near"), FAR]);
          assert.deepEqual(await everyone("client", clusterIP), ["far"]);
          await serve([ending("near"), FAR], LOCAL);
          assert.deepEqual(await everyone("outside", nodeIP, NODE_PORT), ["near"]);
          assert.deepEqual(await everyone("client", nodeIP, NODE_PORT), ["far"]);
          await serve([ending("near"), FAR], { internalTrafficPolicy: "Local" });
          assert.deepEqual(await everyone("client", clusterIP), ["near"]);
          await serve([ending("near"), ending("far")]);
          assert.deepEqual(await everyone("client", clusterIP), ["far", "near"]);
          await serve([ended("near"), { pod: "far", conditions: { ready: false, serving: true } }]);
          assert.equal(await ask("client", clusterIP, 80), REFUSED);
        });

        test("nobody behind a service: every way in is refused at once", async () => {
          for (const [protocol, ports] of [
            ["tcp", [{ port: 80, nodePort: NODE_PORT }]],
            ["udp", [...UDP]],
          ] as const) {
            await serve([], { ports, externalTrafficPolicy: "Local", internalTrafficPolicy: "Local" });
            for (const from of ["client", "node", "outside"] as const)
              for (const [to, port] of [
                [clusterIP, 80],
                [externalIP, 80],
                [balancerIP, 80],
                [nodeIP, NODE_PORT],
              ] as const)
                assert.equal(
                  await ask(from, to, port, { protocol }),
                  REFUSED,
                  `${from} to ${to} by ${protocol}`,
                );
          }
        });

        test("a balancer's source ranges hold for pods and the node as for others, and not for node ports", async () => {
          const only = (ip: string, bits = plan.hostBits): Serving => ({
            loadBalancerSourceRanges: [`${ip}/${bits}`],
          });
          const cases: readonly (readonly [Serving, allowed: readonly PlaceName[]])[] = [
            [only(outside), ["outside"]],
            [only(plan.client), ["client"]],
            [only(nodeIP), ["node"]],
            [{ loadBalancerSourceRanges: [isV4 ? "0.0.0.0/0" : "::/0"] }, ["outside", "client", "node"]],
          ];
          for (const [spec, allowed] of cases) {
            await serve([NEAR], spec);
            const others = (["outside", "client", "node"] as const).filter((from) => !allowed.includes(from));
            await drops(others, balancerIP, 80);
            for (const from of allowed) assert.match(await ask(from, balancerIP, 80), /^near/, from);
            for (const from of others) {
              assert.match(await ask(from, nodeIP, NODE_PORT), /^near/);
              assert.match(await ask(from, externalIP, 80), /^near/);
            }
          }
        });

        test("a balancer of mode Proxy is asked itself, one of mode VIP never is", async () => {
          await serve([NEAR], { ports: [{ port: 8080, nodePort: NODE_PORT }], ipMode: "Proxy" });
          for (const from of ["client", "node"] as const)
            assert.match(await ask(from, plan.proxyIP, 8080), /^outside/);
          await serve([NEAR], { ports: [{ port: 8080, nodePort: NODE_PORT }], externalIPs: [plan.proxyIP] });
          for (const from of ["client", "node"] as const)
            assert.match(await ask(from, plan.proxyIP, 8080), /^near/);
        });

        test("node ports answer on the addresses of their ranges alone", async () => {
          const own = [nodeIP, plan.nodeIP2, linkIP, bridgeIP, isV4 ? "127.0.0.1" : "::1"];
          const addresses = (...wanted: readonly string[]): NodePortAddresses =>
            nodePortAddresses(wanted, { family, nodeIPs: [nodeIP], own });
          const [range, all] = isV4 ? ["192.0.2.8/29", "0.0.0.0/0"] : ["2001:db8::10/124", "::/0"];
          const cases: readonly (readonly [NodePortAddresses, open: readonly string[]])[] = [
            [addresses("primary"), [nodeIP]],
            [addresses(range), [plan.nodeIP2]],
            [addresses(all), [nodeIP, plan.nodeIP2, linkIP, bridgeIP]],
          ];
          for (const [nodePorts, open] of cases) {
            await anew({}, nodePorts);
            await serve([NEAR]);
            for (const to of own)
              for (const from of to.includes("127.") || to === "::1"
                ? (["node"] as const)
                : (["node", "client"] as const)) {
                const answer = await ask(from, to, NODE_PORT);
                assert.match(answer, open.includes(to) ? /^near/ : /^ECONNREFUSED$/, `${from} to ${to}`);
              }
          }
        });

        if (isV4)
          test("node ports answer on loopback where they shall, and to nobody else", async () => {
            const nodePorts = { type: "some", ips: [nodeIP, "127.0.0.1"], hasLoopback: true } as const;
            assert.equal(network.run("node", "sysctl", "-n", "net.ipv4.conf.all.route_localnet").trim(), "0");
            await anew({}, nodePorts);
            for (const behind of [NEAR, FAR])
              for (const spec of [{}, LOCAL]) {
                await serve([behind], spec);
                assert.match(await ask("node", "127.0.0.1", NODE_PORT), new RegExp(`^${behind.pod}`));
              }
            // the way to the node's loopback, as a neighbour may take it
            network.run("outside", "sysctl", "-qw", "net.ipv4.conf.all.route_localnet=1");
            network.run("outside", "ip", "route", "add", "127.0.0.77/32", "via", nodeIP, "table", "77");
            network.run("outside", "ip", "rule", "add", "to", "127.0.0.77/32", "table", "77", "pref", "0");
            network.run("outside", "ip", "rule", "del", "pref", "0", "table", "local");
            network.run("outside", "ip", "rule", "add", "pref", "1", "table", "local");
            await drops(["outside"], "127.0.0.77", PORTS[0], { as: outside });
            network.run("node", "sysctl", "-qw", "net.ipv4.conf.all.route_localnet=0");
          });

        test("a client is remembered for its time, by all addresses of the service, and then no more", async () => {
          const behind = PORTS.flatMap((port) => [
            { ...NEAR, port },
            { ...FAR, port },
          ]);
          const forSeconds = (timeoutSeconds: number): Promise<void> => {
            const sessionAffinityConfig = { clientIP: { timeoutSeconds } };
            return serve(behind, { sessionAffinity: "ClientIP", sessionAffinityConfig });
          };
          await forSeconds(3_600);
          const first = await whom(clusterIP);
          for (let i = 0; i < 8; i++) assert.equal(await whom(clusterIP), first);
          assert.equal(await whom(balancerIP), first);
          assert.equal(await whom(nodeIP, NODE_PORT), first);
          await forSeconds(1);
          const second = await whom(clusterIP);
          // the same one of eight may be drawn again
          for (let next = second; next === second; next = await whom(clusterIP))
            for (
              let left = await remembered(plan.client);
              left !== undefined;
              left = await remembered(plan.client)
            )
              assert.match(left, /^(1s)?(\d+ms)?$/);
        });

        test("UDP flows from outside and from a pod go on to the next endpoint when theirs is gone", async () => {
          const ways = [
            ["outside", nodeIP, NODE_PORT],
            ["outside", balancerIP, 80],
            ["client", clusterIP, 80],
            ["node", externalIP, 80],
          ] as const;
          await serve([NEAR], { ports: [...UDP] });
          for (const [from, to, port] of ways) assert.match(await flow(from, to, port), /^near/);
          // another one that comes takes over no flow
          await serve([NEAR, FAR], { ports: [...UDP] });
          assert.equal(await forgetStale(servedBy(plan, [NEAR, FAR], { ports: [...UDP] })), 0);
          for (const [from, to, port] of ways)
            for (let i = 0; i < 8; i++) assert.match(await flow(from, to, port), /^near/);
          const next = servedBy(plan, [FAR], { ports: [...UDP] });
          await commit(next);
          assert.ok((await forgetStale(next)) >= ways.length);
          for (const [from, to, port] of ways) assert.match(await flow(from, to, port), /^far/);
        });

        test("what a node says to its own address, which an endpoint has, keeps its port", async () => {
          await serve([{ pod: "node" }]);
          assert.match(await ask("node", clusterIP, 80), /^node/);
          assert.match(await ask("node", nodeIP, 8080), /^node/);
          const own = ["--orig-src", nodeIP, "--orig-dst", nodeIP, "--orig-port-dst", "8080"];
          const listed = network.run(
            "node",
            "conntrack",
            "-f",
            family.toLowerCase(),
            "-L",
            "-p",
            "tcp",
            ...own,
          );
          const [, asked, answered] = /sport=(\d+) dport=8080 .*sport=8080 dport=(\d+)/.exec(listed) ?? [];
          assert.notEqual(asked, undefined, listed);
          assert.equal(answered, asked);
        });

        for (const [protocol, number] of isV4 ? STREAMS : [])
          test(`a stream by ${protocol} reaches its endpoint, and nobody's is refused`, async (t) => {
            if (!knows(number)) {
              t.skip("the kernel has no SCTP: its rules are taken, no packet was sent");
              return;
            }
            const ports = [{ port: 90, targetPort: 9090, protocol, nodePort: NODE_PORT }];
            const server = network.spawn("near", "perl", "-e", STREAM_SERVER, String(number), "9090");
            await once(server.stdout!, "data");
            const stream = (to: string, port: number): string =>
              network.run("client", "perl", "-e", STREAM_CLIENT, String(number), to, String(port)).trim();
            await serve([{ ...NEAR, port: 9090 }], { ports });
            for (const [to, port] of [
              [clusterIP, 90],
              [nodeIP, NODE_PORT],
              [balancerIP, 90],
            ] as const)
              assert.equal(stream(to, port), "served");
            await serve([], { ports });
            assert.match(stream(clusterIP, 90), /refused/i);
          });

        /** Whether the kernel has the protocol. */
        function knows(protocol: number): boolean {
          const asked = 'print socket(S, 2, 1, $ARGV[0]) ? "yes" : "no"';
          return network.run("node", "perl", "-e", asked, String(protocol)) === "yes";
        }

        /** Who answers a pod, with its port. */
        async function whom(to: string, port = 80): Promise<string> {
          return (await ask("client", to, port)).split(" ")[0]!;
        }

        /** One flow for each way. */
        function flow(from: PlaceName, to: string, port: number): Promise<string> {
          return ask(from, to, port, { protocol: "udp", flow: `${to}:${port}` });
        }

        /** How long a map of clients holds the address; the kernel shows none whose time is over. */
        async function remembered(ip: string): Promise<string | undefined> {
          const lines: string[] = [];
          for (const name of tablesOf(dialect))
            await nft.list(name, (line) => lines.push(line), never).catch(() => {});
          return new RegExp(`${ip} expires (\\w+)`).exec(lines.join("\n"))?.[1];
        }

        function forgetStale({ flows }: ServicePlan): Promise<number> {
          const options = { served: flows, nodeIPs: new Set([nodeIP]), logger: silentLogger, family };
          return deleteStaleFlows({ ...options, prefix: network.enter("node") }, never);
        }
      });
  },
);

function hint(pod: Behind["pod"], zone: string, node?: string): Behind {
  const forNodes = node === undefined ? [] : [{ name: node }];
  return { pod, hints: { forZones: [{ name: zone }], forNodes } };
}

/** Serves until it is gone. */
function ending(pod: Behind["pod"]): Behind {
  return { pod, conditions: { ready: false, serving: true, terminating: true } };
}

function ended(pod: Behind["pod"]): Behind {
  return { pod, conditions: { ready: false, serving: false, terminating: true } };
}

/** Node knows no SCTP. Arguments: number of the protocol, and the port; or the address to ask and its port. */
const STREAM_SERVER = `use Socket; $| = 1; my ($protocol, $port) = @ARGV;
  socket(S, AF_INET, SOCK_STREAM, $protocol) && bind(S, sockaddr_in($port, INADDR_ANY)) && listen(S, 8) or die $!;
  print "up\n"; while (accept(C, S)) { send(C, "served", 0); close(C) }`;
const STREAM_CLIENT = `use Socket; my ($protocol, $address, $port) = @ARGV; alarm 15;
  socket(S, AF_INET, SOCK_STREAM, $protocol) or die $!;
  if (connect(S, sockaddr_in($port, inet_aton($address)))) { recv(S, my $text, 64, 0); print $text } else { print $! }`;
