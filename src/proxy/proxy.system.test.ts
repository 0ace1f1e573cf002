import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { after, before, suite, test } from "node:test";
import type { Service, ServiceSpec } from "#api/core/v1/types.gen";
import type { IpFamily } from "#api/validation/ip";
import { emptyPlan, plan, type ServicePlan } from "./plan.ts";
import { ServiceTable } from "./service-table.ts";
import { DIALECTS, tablesOf } from "./nftables/dialect.ts";
import { systemNft, type NftRunner } from "./nftables/nft-runner.ts";
import {
  call,
  enter,
  makeNamespaces,
  NODE_IP,
  NODE_IP6,
  STRANGER_IP,
  STRANGER_IP6,
} from "./testing/namespaces.ts";
import type { Namespaces } from "./testing/namespaces.ts";

const isRoot = process.geteuid?.() === 0;
const never = new AbortController().signal;

/** What the two families have instead of each other. */
interface Side {
  readonly family: IpFamily;
  readonly nodeIP: string;
  readonly strangerIP: string;
  readonly clusterIP: string;
  /** Of the service range, of no service. */
  readonly unusedIP: string;
  readonly clusterCIDR: string;
  readonly serviceCIDR: string;
}

const V4: Side = {
  family: "IPv4",
  nodeIP: NODE_IP,
  strangerIP: STRANGER_IP,
  clusterIP: "10.96.0.9",
  unusedIP: "10.96.7.7",
  clusterCIDR: "10.244.0.0/16",
  serviceCIDR: "10.96.0.0/12",
};
const V6: Side = {
  family: "IPv6",
  nodeIP: NODE_IP6,
  strangerIP: STRANGER_IP6,
  clusterIP: "fd00:96::9",
  unusedIP: "fd00:96::7:7",
  clusterCIDR: "fd00:244::/56",
  serviceCIDR: "fd00:96::/108",
};
const NODE_PORT = 30_080;

/** A node with servers on its own address, and a client beside it; the kernel's real tables in between. */
for (const side of [V4, V6])
  suite(
    `proxy in a network namespace, ${side.family}`,
    { skip: isRoot ? false : "needs root to make network namespaces" },
    () => {
      const { nodeIP, strangerIP, clusterIP } = side;
      const web = webOf(side);
      let ns: Namespaces;
      let table: ServiceTable;
      const ask = (from: string, to: string, port: number, as?: string): Promise<string> =>
        call(ns, { from, to, port, ...(as !== undefined && { as }) });
      const set = (service: ServicePlan): Promise<void> =>
        table.commit(new Map([["default/web", service]]), [], never);

      const another = (nft: NftRunner): ServiceTable =>
        new ServiceTable({
          dialect: DIALECTS[side.family],
          nft,
          serviceCIDRs: [side.serviceCIDR],
          masquerade: { clusterCIDRs: [side.clusterCIDR] },
          nodePorts: { type: "some", ips: [nodeIP], hasLoopback: false },
        });

      before(async () => {
        ns = makeNamespaces(`proxy-${side.family === "IPv4" ? 4 : 6}`);
        table = another(systemNft(enter(ns.node)));
        for (const port of [8081, 8082]) await ns.serve(port);
        await set(web([8081, 8082]));
      });
      after(() => ns?.remove());

      test("a cluster address answers from every endpoint", async () => {
        const answers = new Set<string>();
        for (let i = 0; i < 40; i++) answers.add(await ask(ns.node, clusterIP, 80));
        assert.deepEqual([...answers].toSorted(byText), ["8081", "8082"]);
      });

      test("a node port answers from outside the node", async () => {
        assert.match(await ask(ns.client, nodeIP, NODE_PORT), /^808[12]$/);
      });

      test("a service that loses its endpoints refuses, by a delta", async () => {
        await set(web([]));
        assert.equal(await ask(ns.node, clusterIP, 80), "ECONNREFUSED");
        assert.equal(await ask(ns.client, nodeIP, NODE_PORT), "ECONNREFUSED");
        await set(web([8082]));
        assert.equal(await ask(ns.node, clusterIP, 80), "8082");
      });

      test("session affinity sends a client to the same endpoint", async () => {
        await set(web([8081, 8082], { sessionAffinity: "ClientIP" }));
        const answers = new Set<string>();
        for (let i = 0; i < 20; i++) answers.add(await ask(ns.node, clusterIP, 80));
        assert.equal(answers.size, 1);
      });

      test("what a packet carries to find its endpoint is gone when it leaves", async () => {
        const family = DIALECTS[side.family].ip;
        const look = `${family} k8ts-look`;
        const count = "meta priority 6b00:0-6bff:ffff counter";
        const lines = [
          `add table ${look}`,
          `add chain ${look} translated { type filter hook output priority -50 ; }`,
          `add rule ${look} translated ${count}`,
          `add chain ${look} left { type filter hook postrouting priority 200 ; }`,
          `add rule ${look} left ${count}`,
        ];
        const [nsenter, ...args] = enter(ns.node);
        await systemNft(enter(ns.node)).apply(`${lines.join("\n")}\n`, never);
        await ask(ns.node, clusterIP, 80);
        const packets = (chain: string): string =>
          /packets (\d+)/.exec(
            execFileSync(nsenter, [...args, "nft", "list", "chain", ...look.split(" "), chain], {
              encoding: "utf8",
            }),
          )![1]!;
        assert.deepEqual([packets("translated"), packets("left")], ["1", "0"]);
      });

      test("a client whose endpoint goes is sent to another one, and stays there", async () => {
        const affine = { sessionAffinity: "ClientIP" };
        const first = Number(await ask(ns.node, clusterIP, 80));
        const other = first === 8081 ? 8082 : 8081;
        await set(web([other], affine));
        assert.equal(await ask(ns.node, clusterIP, 80), String(other));
        await set(web([8081, 8082], affine));
        for (let i = 0; i < 8; i++) assert.equal(await ask(ns.node, clusterIP, 80), String(other));
        // remembered from the cluster address: node ports lead there too
        assert.equal(await ask(ns.node, nodeIP, NODE_PORT), String(other));
      });

      test("another proxy takes over without asking, and nobody is refused meanwhile", async () => {
        const nft = systemNft(enter(ns.node));
        const answers: string[] = [];
        const next = another({
          async apply(script, signal) {
            await nft.apply(script, signal);
            answers.push(await ask(ns.node, clusterIP, 80));
          },
          list: (name, onLine, signal) => nft.list(name, onLine, signal),
        });
        await next.open(never);
        const large = webOf(side, "large", side.unusedIP);
        const ports = Array.from({ length: 9_000 }, (_, i) => 20_000 + i);
        const plans = [
          ["default/large", large(ports)],
          ["default/web", web([8081, 8082])],
        ] as const;
        await next.commit(new Map(plans), [], never);
        assert.ok(answers.length >= 3, "a probe, a chunk, and the last one");
        for (const answer of answers) assert.match(answer, /^808[12]$/);
        table = next;
        await set(web([8081]));
        assert.equal(await ask(ns.node, clusterIP, 80), "8081");
      });

      test("a restart keeps where clients with session affinity go, and for how long", async () => {
        const affine = { sessionAffinity: "ClientIP" };
        await set(web([8081, 8082], affine));
        const first = await ask(ns.node, clusterIP, 80);
        const other = first === "8081" ? 8082 : 8081;
        const nft = systemNft(enter(ns.node));
        const family = DIALECTS[side.family].ip;
        const listed = async (): Promise<string> => {
          const lines: string[] = [];
          for (const name of tablesOf(DIALECTS[side.family]))
            await nft.list(name, (line) => lines.push(line), never).catch(() => {});
          return lines.join("\n");
        };
        const held = await listed();
        const [, name, clients] = /table \S+ (\S+) \{[^]*map (clients-\S+) \{/.exec(held)!;
        const [, slot] = new RegExp(`(6b00:\\w+) : \\S+ \\. ${first}`).exec(held)!;
        const element = `${strangerIP} expires 3590s : ${slot}`;
        await nft.apply(`add element ${family} ${name} ${clients} { ${element} }\n`, never);
        table = another(nft);
        await table.open(never);
        // another service comes first now, so endpoints are numbered in another way
        const plans = [
          ["default/b", webOf(side, "b", side.unusedIP)([8081, 8082], affine)],
          ["default/web", web([8082, 8081], affine)],
        ] as const;
        await table.commit(new Map(plans), [], never);
        for (let i = 0; i < 8; i++) assert.equal(await ask(ns.node, clusterIP, 80), first);
        assert.match(await listed(), new RegExp(`${strangerIP} expires 5\\dm`));
        assert.equal(await ask(ns.client, nodeIP, NODE_PORT, strangerIP), first);
        table = another(nft);
        await table.open(never);
        await set(web([other], affine));
        assert.doesNotMatch(await listed(), / expires /);
        await set(web([8081]));
      });

      test("SCTP services, and services of 5,000 endpoints, are rules that the kernel takes", async () => {
        const ports = Array.from({ length: 5_000 }, (_, i) => 10_000 + i);
        for (const sessionAffinity of ["None", "ClientIP"])
          for (const protocol of ["UDP", "SCTP"])
            await set(web([8081], { sessionAffinity, ports: [{ port: 80, protocol }] }));
        for (const sessionAffinity of ["None", "ClientIP"]) {
          await set(web(ports, { sessionAffinity }));
          const begin = performance.now();
          await set(web(ports.slice(1), { sessionAffinity }));
          const ms = performance.now() - begin;
          assert.ok(ms < 5_000, `one endpoint less took ${ms} ms`);
        }
        await set(emptyPlan);
      });
    },
  );

const byText = (a: string, b: string): number => a.localeCompare(b);

type Web = (ports: readonly number[], spec?: Partial<ServiceSpec>, nodeName?: string) => ServicePlan;

/** A service whose endpoints are ports of the node's own address. */
function webOf({ family, nodeIP, ...side }: Side, name = "web", clusterIP: string = side.clusterIP): Web {
  return (ports, spec = {}, nodeName = "n1") => {
    const protocol = spec.ports?.[0]?.protocol ?? "TCP";
    const slices = ports.map((port) => ({
      apiVersion: "discovery.k8s.io/v1" as const,
      kind: "EndpointSlice" as const,
      metadata: { name: `web-${port}`, namespace: "default" },
      addressType: family,
      ports: [{ port, protocol }],
      endpoints: [{ addresses: [nodeIP], nodeName }],
    }));
    const service: Service = {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name, namespace: "default" },
      spec: {
        type: "NodePort",
        clusterIP,
        ports: [{ port: 80, ...(name === "web" && { nodePort: NODE_PORT }) }],
        ...spec,
      },
    };
    return plan(service, slices, { family, nodeName: "n1", nodeIPs: [nodeIP] });
  };
}
