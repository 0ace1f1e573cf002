import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { after, before, suite, test } from "node:test";
import { tunnelEndLines, tunnelLines } from "./tunnel.ts";

const isRoot = process.geteuid?.() === 0;
const spaceOf = (name: string): string => `k8ts-tunnel-${name}${process.pid}`;
const ROUTER = spaceOf("r");
/** Two nodes with a router between them that does not know the pods' ranges. */
const NODES = [
  {
    space: spaceOf("a"),
    nodeIP: "192.0.2.2",
    router: "192.0.2.1",
    podCIDR: "10.244.0.0/24",
    pod: "10.244.0.1",
  },
  {
    space: spaceOf("b"),
    nodeIP: "192.0.2.130",
    router: "192.0.2.129",
    podCIDR: "10.244.1.0/24",
    pod: "10.244.1.1",
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
      "echo 1 >/proc/sys/net/ipv4/ip_forward",
    ]);
    for (const [index, { space, nodeIP, router, pod }] of NODES.entries())
      run(
        `-n ${ROUTER} link add to-${index} type veth peer name eth0 netns ${space}`,
        `-n ${ROUTER} address add ${router}/25 dev to-${index}`,
        `-n ${ROUTER} link set to-${index} up`,
        `-n ${space} address add ${nodeIP}/25 dev eth0`,
        `-n ${space} link set eth0 up`,
        `-n ${space} route add default via ${router}`,
        `-n ${space} link add cni0 type bridge`,
        `-n ${space} address add ${pod}/24 dev cni0`,
        `-n ${space} link set cni0 up`,
      );
  });
  after(() => run(...[ROUTER, ...NODES.map((node) => node.space)].map((space) => `netns del ${space}`)));

  test("carries what is as long as a pod's link allows, from the address of a pod and from the node itself", async () => {
    for (const [index, { space, nodeIP, podCIDR }] of NODES.entries()) {
      const other = NODES[1 - index]!;
      const link = { name: "eth0", mtu: 1500, prefixLength: 25 };
      const { forward, add } = tunnelLines(new Map(), new Map([[other.podCIDR, other.nodeIP]]));
      for (const isThere of [false, true])
        batch(space, "ip", tunnelEndLines({ nodeIP, podCIDR, link, mtu: 1450 }, isThere));
      batch(space, "bridge", forward);
      batch(space, "ip", add);
    }
    const [a, b] = NODES;
    const server = spawn(
      "nsenter",
      [
        `--net=/run/netns/${b.space}`,
        process.execPath,
        "-e",
        `require("net").createServer((s) => s.on("error", () => {}).pipe(s)).listen(80, "${b.pod}", () => console.log("up"))`,
      ],
      { stdio: ["ignore", "pipe", "inherit"] },
    );
    await once(server.stdout, "data");
    try {
      assert.equal(await echoes(a.space, b.pod, `, localAddress: "${a.pod}"`), "65536");
      assert.equal(await echoes(a.space, b.pod, ""), "65536");
    } finally {
      server.kill("SIGKILL");
      await once(server, "exit");
    }
  });
});

function run(...lines: readonly string[]): void {
  for (const line of lines) execFileSync("ip", line.split(" "));
}

function batch(space: string, program: "ip" | "bridge", lines: readonly string[]): void {
  const input = lines.map((line) => `${line}\n`).join("");
  execFileSync("nsenter", [`--net=/run/netns/${space}`, program, "-batch", "-"], { input });
}

/** How many of 65,536 bytes came back. */
async function echoes(space: string, host: string, options: string): Promise<string> {
  const code = `let n = 0; const s = require("net").connect({ host: "${host}", port: 80, timeout: 2000${options} });
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
