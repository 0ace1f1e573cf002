import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { after, before, suite, test } from "node:test";
import { plan, type ServicePlan } from "./plan.ts";
import { ServiceTable } from "./service-table.ts";
import { systemNft } from "./nftables/nft-runner.ts";

const isRoot = process.geteuid?.() === 0;
const node = `k8ts-proxy-n${process.pid}`;
const client = `k8ts-proxy-c${process.pid}`;
const NODE_IP = "192.0.2.1";
const never = new AbortController().signal;
const ip = (...args: readonly string[]): void => void execFileSync("ip", args);
const enter = (ns: string): readonly string[] => ["nsenter", `--net=/run/netns/${ns}`];

/** A node with two servers on its own address, and a client beside it; the kernel's real tables in between. */
suite(
  "proxy in a network namespace",
  { skip: isRoot ? false : "needs root to make network namespaces" },
  () => {
    const servers: ReturnType<typeof spawn>[] = [];
    const table = new ServiceTable(systemNft(enter(node)), {
      serviceCIDR: "10.96.0.0/12",
      nodeIPs: [NODE_IP],
    });

    before(async () => {
      ip("netns", "add", node);
      ip("netns", "add", client);
      ip("-n", node, "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", client);
      for (const [ns, address] of [
        [node, NODE_IP],
        [client, "192.0.2.2"],
      ] as const) {
        ip("-n", ns, "addr", "add", `${address}/24`, "dev", "eth0");
        ip("-n", ns, "link", "set", "eth0", "up");
        ip("-n", ns, "link", "set", "lo", "up");
      }
      ip("-n", node, "link", "add", "k8ts-svc", "type", "bridge");
      ip("-n", node, "link", "set", "k8ts-svc", "up");
      ip("-n", node, "route", "add", "10.96.0.0/12", "dev", "k8ts-svc", "src", NODE_IP);
      for (const port of [8081, 8082]) servers.push(await serve(port));
      await table.commit(new Map([["default/web", web([8081, 8082])]]), never);
    });

    after(() => {
      for (const server of servers) server.kill("SIGKILL");
      for (const ns of [node, client]) ip("netns", "del", ns);
    });

    test("a cluster address answers from every endpoint", async () => {
      const answers = new Set<string>();
      for (let i = 0; i < 40; i++) answers.add(await get(node, "10.96.0.9", 80));
      assert.deepEqual([...answers].toSorted(byText), ["8081", "8082"]);
    });

    test("a node port answers from outside the node", async () => {
      assert.match(await get(client, NODE_IP, 30_080), /^808[12]$/);
    });

    test("an address of the range that no service holds is refused", async () => {
      assert.equal(await get(node, "10.96.7.7", 80), "ECONNREFUSED");
    });

    test("another port of a service is refused", async () => {
      assert.equal(await get(node, "10.96.0.9", 81), "ECONNREFUSED");
    });

    test("a service that loses its endpoints refuses, by a delta", async () => {
      await table.commit(new Map([["default/web", web([])]]), never);
      assert.equal(await get(node, "10.96.0.9", 80), "ECONNREFUSED");
      assert.equal(await get(client, NODE_IP, 30_080), "ECONNREFUSED");
      await table.commit(new Map([["default/web", web([8082])]]), never);
      assert.equal(await get(node, "10.96.0.9", 80), "8082");
    });

    test("session affinity sends a client to the same endpoint", async () => {
      await table.commit(new Map([["default/web", web([8081, 8082], true)]]), never);
      const answers = new Set<string>();
      for (let i = 0; i < 20; i++) answers.add(await get(node, "10.96.0.9", 80));
      assert.equal(answers.size, 1);
    });
  },
);

const byText = (a: string, b: string): number => a.localeCompare(b);

async function serve(port: number): Promise<ReturnType<typeof spawn>> {
  const code = `require("net").createServer((s) => s.on("error", () => {}).end("${port}")).listen(${port}, "${NODE_IP}", () => console.log("up"))`;
  const child = spawn("nsenter", [`--net=/run/netns/${node}`, process.execPath, "-e", code], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(child.stdout, "data");
  return child;
}

/** What the server says, or the code of the error. */
async function get(from: string, address: string, port: number): Promise<string> {
  const code = `const s = require("net").connect({host: "${address}", port: ${port}, timeout: 3000});
    s.on("data", (d) => { process.stdout.write(d); s.destroy(); }).on("error", (e) => process.stdout.write(e.code)).on("timeout", () => { process.stdout.write("ETIMEDOUT"); s.destroy(); })`;
  const child = spawn("nsenter", [`--net=/run/netns/${from}`, process.execPath, "-e", code], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (part: string) => (text += part));
  await once(child, "close");
  return text;
}

function web(ports: readonly number[], hasAffinity = false): ServicePlan {
  const slices = ports.map((port) => ({
    apiVersion: "discovery.k8s.io/v1" as const,
    kind: "EndpointSlice" as const,
    metadata: { name: `web-${port}`, namespace: "default" },
    addressType: "IPv4",
    ports: [{ port }],
    endpoints: [{ addresses: [NODE_IP], nodeName: "n1" }],
  }));
  const spec = {
    type: "NodePort",
    clusterIP: "10.96.0.9",
    ports: [{ port: 80, nodePort: 30_080 }],
    ...(hasAffinity && { sessionAffinity: "ClientIP" }),
  };
  const service = {
    apiVersion: "v1" as const,
    kind: "Service" as const,
    metadata: { name: "web", namespace: "default" },
    spec,
  };
  return plan(service, slices, { nodeName: "n1", clusterCIDR: "10.244.0.0/16" });
}
