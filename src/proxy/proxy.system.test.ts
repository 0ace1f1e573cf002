import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { after, before, suite, test } from "node:test";
import type { Service, ServiceSpec } from "#api/core/v1/types.gen";
import { silentLogger } from "#apimachinery";
import { deleteStaleFlows, tryCommand } from "#component-base";
import { emptyPlan, plan, type ServicePlan } from "./plan.ts";
import { ServiceTable } from "./service-table.ts";
import { systemNft } from "./nftables/nft-runner.ts";
import { call, CLIENT_IP, enter, makeNamespaces, NODE_IP, STRANGER_IP } from "./testing/namespaces.ts";
import type { Namespaces } from "./testing/namespaces.ts";

const isRoot = process.geteuid?.() === 0;
const never = new AbortController().signal;
const CLUSTER_IP = "10.96.0.9";
const BALANCER_IP = "203.0.113.9";
const NODE_PORT = 30_080;

/** A node with servers on its own address, and a client beside it; the kernel's real tables in between. */
suite(
  "proxy in a network namespace",
  { skip: isRoot ? false : "needs root to make network namespaces" },
  () => {
    let ns: Namespaces;
    let table: ServiceTable;
    const ask = (from: string, to: string, port: number, as?: string): Promise<string> =>
      call(ns, { from, to, port, ...(as !== undefined && { as }) });
    const set = (service: ServicePlan): Promise<void> =>
      table.commit(new Map([["default/web", service]]), [], never);

    before(async () => {
      ns = makeNamespaces("proxy");
      const nodePorts = { type: "some", ips: [NODE_IP, "127.0.0.1"], hasLoopback: true } as const;
      table = new ServiceTable(systemNft(enter(ns.node)), { serviceCIDR: "10.96.0.0/12", nodePorts });
      const [nsenter, ...args] = enter(ns.node);
      execFileSync(nsenter, [...args, "sysctl", "-qw", "net.ipv4.conf.all.route_localnet=1"]);
      execFileSync("ip", ["-n", ns.client, "route", "add", `${BALANCER_IP}/32`, "via", NODE_IP]);
      for (const port of [8081, 8082]) await ns.serve(port);
      await set(web([8081, 8082]));
    });
    after(() => ns?.remove());

    test("a cluster address answers from every endpoint", async () => {
      const answers = new Set<string>();
      for (let i = 0; i < 40; i++) answers.add(await ask(ns.node, CLUSTER_IP, 80));
      assert.deepEqual([...answers].toSorted(byText), ["8081", "8082"]);
    });

    test("a node port answers from outside the node, and from the node on loopback", async () => {
      assert.match(await ask(ns.client, NODE_IP, NODE_PORT), /^808[12]$/);
      assert.match(await ask(ns.node, "127.0.0.1", NODE_PORT), /^808[12]$/);
    });

    test("an address of the range that no service holds is refused", async () => {
      assert.equal(await ask(ns.node, "10.96.7.7", 80), "ECONNREFUSED");
    });

    test("another port of a service is refused", async () => {
      assert.equal(await ask(ns.node, CLUSTER_IP, 81), "ECONNREFUSED");
    });

    test("a service that loses its endpoints refuses, by a delta", async () => {
      await set(web([]));
      assert.equal(await ask(ns.node, CLUSTER_IP, 80), "ECONNREFUSED");
      assert.equal(await ask(ns.client, NODE_IP, NODE_PORT), "ECONNREFUSED");
      await set(web([8082]));
      assert.equal(await ask(ns.node, CLUSTER_IP, 80), "8082");
    });

    test("session affinity sends a client to the same endpoint", async () => {
      await set(web([8081, 8082], { sessionAffinity: "ClientIP" }));
      const answers = new Set<string>();
      for (let i = 0; i < 20; i++) answers.add(await ask(ns.node, CLUSTER_IP, 80));
      assert.equal(answers.size, 1);
    });

    test("a load balancer's address lets in whom its ranges name", async () => {
      const type = "LoadBalancer";
      await set(web([8081], { type, loadBalancerSourceRanges: [`${CLIENT_IP}/32`] }));
      assert.equal(await ask(ns.client, BALANCER_IP, 80, CLIENT_IP), "8081");
      assert.equal(await ask(ns.client, BALANCER_IP, 80, STRANGER_IP), "ETIMEDOUT");
      assert.equal(await ask(ns.client, NODE_IP, NODE_PORT, STRANGER_IP), "8081");
      await set(web([8081], { type }));
      assert.equal(await ask(ns.client, BALANCER_IP, 80, STRANGER_IP), "8081");
    });

    test("a node without local endpoints drops what comes from outside, and serves its own", async () => {
      await set(web([8081], { type: "NodePort", externalTrafficPolicy: "Local" }, "another-node"));
      assert.equal(await ask(ns.client, NODE_IP, NODE_PORT), "ETIMEDOUT");
      assert.equal(await ask(ns.node, NODE_IP, NODE_PORT), "8081");
      assert.equal(await ask(ns.node, CLUSTER_IP, 80), "8081");
    });

    test("ranges of ServiceCIDRs are closed while they are there, overlapping ones too", async () => {
      const steps = [
        ["10.112.0.0/16"],
        ["10.112.0.0/12", "10.112.0.0/16"],
        ["10.112.3.0/24", "10.96.3.0/24"],
        [],
      ];
      for (const ranges of steps) await table.commit(new Map(), ranges, never);
    });

    test("SCTP services, and services of 5,000 endpoints, are rules that the kernel takes", async () => {
      const ports = Array.from({ length: 5_000 }, (_, i) => 10_000 + i);
      await set(web([8081], { ports: [{ port: 80, protocol: "SCTP" }] }));
      for (const sessionAffinity of ["None", "ClientIP"]) {
        await set(web(ports, { sessionAffinity }));
        const begin = performance.now();
        await set(web(ports.slice(1), { sessionAffinity }));
        const ms = performance.now() - begin;
        assert.ok(ms < 5_000, `one endpoint less took ${ms} ms`);
      }
      await set(emptyPlan);
    });

    test("a UDP flow goes on to the next endpoint when its own is gone", async (t) => {
      if (!(await hasConntrack())) return t.skip("needs the package conntrack");
      for (const port of [8083, 8084]) await ns.serve(port, "udp");
      await set(udp(8083));
      // one socket, and so one flow, for as long as it asks
      const code = `const s = require("dgram").createSocket("udp4"); s.bind(() => setInterval(() => s.send("?", 80, "${CLUSTER_IP}"), 20)); s.on("message", (m) => console.log(String(m)))`;
      const answers = ns.spawn(ns.node, code).stdout!.setEncoding("utf8");
      assert.match(((await once(answers, "data")) as [string])[0], /8083/);
      const next = udp(8084);
      await set(next);
      const options = { served: next.flows, nodeIPs: new Set([NODE_IP]), logger: silentLogger };
      await deleteStaleFlows({ ...options, prefix: enter(ns.node) }, never);
      while (!((await once(answers, "data")) as [string])[0].includes("8084")) void 0;
    });
  },
);

const byText = (a: string, b: string): number => a.localeCompare(b);

async function hasConntrack(): Promise<boolean> {
  return tryCommand(["conntrack", "--version"]).then(
    ({ code }) => code === 0,
    () => false,
  );
}

function udp(port: number): ServicePlan {
  return web([port], { type: "ClusterIP", ports: [{ port: 80, protocol: "UDP" }] });
}

function web(ports: readonly number[], spec: Partial<ServiceSpec> = {}, nodeName = "n1"): ServicePlan {
  const protocol = spec.ports?.[0]?.protocol ?? "TCP";
  const slices = ports.map((port) => ({
    apiVersion: "discovery.k8s.io/v1" as const,
    kind: "EndpointSlice" as const,
    metadata: { name: `web-${port}`, namespace: "default" },
    addressType: "IPv4",
    ports: [{ port, protocol }],
    endpoints: [{ addresses: [NODE_IP], nodeName }],
  }));
  const service: Service = {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "web", namespace: "default" },
    spec: { type: "NodePort", clusterIP: CLUSTER_IP, ports: [{ port: 80, nodePort: NODE_PORT }], ...spec },
    status: spec.type === "LoadBalancer" ? { loadBalancer: { ingress: [{ ip: BALANCER_IP }] } } : {},
  };
  return plan(service, slices, { nodeName: "n1", clusterCIDR: "10.244.0.0/16", nodeIPs: [NODE_IP] });
}
