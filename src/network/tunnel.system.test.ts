import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { after, before, suite, test } from "node:test";
import {
  NO_TUNNEL,
  TUNNEL,
  tunnelEndLines,
  tunnelLines,
  tunnelOverheadBytes,
  tunnelState,
} from "./tunnel.ts";

const isRoot = process.geteuid?.() === 0;
const spaceOf = (name: string): string => `k8ts-tunnel-${name}${process.pid}`;
const ROUTER = spaceOf("r");
/** Two nodes with a router between them that does not know the pods' ranges. */
const NODES = [
  {
    space: spaceOf("a"),
    nodeIPs: ["192.0.2.2", "2001:db8:0:1::2"],
    routers: ["192.0.2.1", "2001:db8:0:1::1"],
    podCIDRs: ["10.244.0.0/24", "fd00:10:244::/64"],
    pods: ["10.244.0.1", "fd00:10:244::1"],
  },
  {
    space: spaceOf("b"),
    nodeIPs: ["192.0.2.130", "2001:db8:0:2::2"],
    routers: ["192.0.2.129", "2001:db8:0:2::1"],
    podCIDRs: ["10.244.1.0/24", "fd00:10:244:1::/64"],
    pods: ["10.244.1.1", "fd00:10:244:1::1"],
  },
] as const;

suite("the tunnel between nodes", { skip: isRoot ? false : "needs root to make network namespaces" }, () => {
  before(() => {
    for (const space of [ROUTER, ...NODES.map((node) => node.space)])
      run(`netns add ${space}`, `-n ${space} link set lo up`);
    execFileSync("nsenter", [
      `--net=/run/netns/${ROUTER}`,
      "sh",
      "-c",
      "echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding",
    ]);
    for (const [index, { space, nodeIPs, routers, pods }] of NODES.entries())
      run(
        `-n ${ROUTER} link add to-${index} type veth peer name eth0 netns ${space}`,
        `-n ${ROUTER} address add ${routers[0]}/25 dev to-${index}`,
        `-n ${ROUTER} address add ${routers[1]}/64 dev to-${index} nodad`,
        `-n ${ROUTER} link set to-${index} up`,
        `-n ${space} address add ${nodeIPs[0]}/25 dev eth0`,
        `-n ${space} address add ${nodeIPs[1]}/64 dev eth0 nodad`,
        `-n ${space} link set eth0 up`,
        `-n ${space} route add default via ${routers[0]}`,
        `-n ${space} route add default via ${routers[1]}`,
        `-n ${space} link add cni0 type bridge`,
        `-n ${space} address add ${pods[0]}/24 dev cni0`,
        `-n ${space} address add ${pods[1]}/64 dev cni0 nodad`,
        `-n ${space} link set cni0 up`,
      );
  });
  after(() => run(...[ROUTER, ...NODES.map((node) => node.space)].map((space) => `netns del ${space}`)));

  for (const [index, family] of ["IPv4", "IPv6"].entries()) {
    test(`carries both families over ${family}, as long as a pod's link allows, from a pod's address and the node's own`, async () => {
      const mtu = 1500 - tunnelOverheadBytes(NODES[0].nodeIPs[index]!);
      for (const [which, { space, nodeIPs, podCIDRs }] of NODES.entries()) {
        const other = NODES[1 - which]!;
        const nodeIP = nodeIPs[index]!;
        const link = { name: "eth0", mtu: 1500, prefixLength: 25 };
        const wanted = new Map(other.podCIDRs.map((podCIDR) => [podCIDR, other.nodeIPs[index]!]));
        const { forward, add } = tunnelLines(NO_TUNNEL, tunnelState(wanted));
        if (index > 0) run(`-n ${space} link del ${TUNNEL}`);
        for (const isThere of [false, true])
          batch(space, "ip", tunnelEndLines({ nodeIP, podCIDRs, link, mtu }, isThere));
        batch(space, "bridge", forward);
        batch(space, "ip", add);
      }
      for (const [which, pod] of NODES[1].pods.entries()) await carries(NODES[0].pods[which]!, pod);
    });
  }
});

async function carries(from: string, pod: string): Promise<void> {
  const [a, b] = NODES;
  const code = `require("net").createServer((s) => s.on("error", () => {}).pipe(s)).listen(80, "${pod}", () => console.log("up"))`;
  const server = spawn("nsenter", [`--net=/run/netns/${b.space}`, process.execPath, "-e", code], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(server.stdout, "data");
  try {
    assert.equal(await echoes(a.space, pod, `, localAddress: "${from}"`), "65536", pod);
    assert.equal(await echoes(a.space, pod, ""), "65536", pod);
  } finally {
    server.kill("SIGKILL");
    await once(server, "exit");
  }
}

function run(...lines: readonly string[]): void {
  for (const line of lines) execFileSync("ip", line.split(" "));
}

function batch(space: string, program: "ip" | "bridge", lines: readonly string[]): void {
  const input = lines.map((line) => `${line}\n`).join("");
  execFileSync("nsenter", [`--net=/run/netns/${space}`, program, "-batch", "-"], { input });
}

/** How many of 65,536 bytes came back. */
async function echoes(space: string, host: string, options: string): Promise<string> {
  const code = `let n = 0; const s = require("net").connect({ host: "${host}", port: 80, timeout: 10_000${options} });
    s.on("connect", () => s.write(Buffer.alloc(65536)));
    s.on("data", (d) => { n += d.length; if (n === 65536) { console.log(n); s.destroy(); } });
    s.on("error", (e) => console.log(e.code)).on("timeout", () => { console.log("timeout " + n); s.destroy(); });`;
  const child = spawn("nsenter", [`--net=/run/netns/${space}`, process.execPath, "-e", code], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (part: string) => (text += part));
  await once(child, "close");
  return text.trim();
}
