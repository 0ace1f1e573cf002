import assert from "node:assert/strict";
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { after, before, beforeEach, suite, test } from "node:test";
import type { NetworkPolicySpec } from "#api/networking/v1/types.gen";
import { compile } from "./compiled-policy.ts";
import { plan } from "./plan.ts";
import type { PolicyPod } from "./policy-pod.ts";
import { PolicyTable } from "./policy-table.ts";

const isRoot = process.geteuid?.() === 0;
const never = new AbortController().signal;
const spaceOf = (name: string): string => `k8ts-policy-${name}${process.pid}`;
const NODE = spaceOf("node");
/** Two pods behind the bridge of the node, and one that the node reaches by a route. */
const IPS = { web: "10.244.0.2", client: "10.244.0.3", remote: "10.244.1.2" } as const;
type PodName = keyof typeof IPS;
const PODS = Object.keys(IPS) as readonly PodName[];

/** Traffic between the network namespaces of pods, by the kernel's real tables. */
suite(
  "network policies in network namespaces",
  { skip: isRoot ? false : "needs root to make network namespaces" },
  () => {
    const servers: ChildProcess[] = [];
    let table: PolicyTable;

    before(async () => {
      makeNode();
      for (const name of PODS) makePod(name);
      for (const name of PODS) servers.push(await serve(name));
    });
    after(async () => {
      for (const server of servers) {
        server.kill("SIGKILL");
        await once(server, "exit");
      }
      for (const name of [...PODS.map(spaceOf), NODE]) execFileSync("ip", ["netns", "del", name]);
    });
    beforeEach(() => {
      table = new PolicyTable({ nft: (script) => inside(NODE, ["nft", "-f", "-"], script) });
    });

    test("without policies all pods reach each other", async () => {
      await enforce();
      for (const [from, to] of [
        ["client", "web"],
        ["remote", "web"],
        ["web", "remote"],
      ] as const)
        assert.equal(await tcp(from, to, 80), true, `${from} to ${to}`);
    });

    test("deny all ingress stops the bridge's and the routed pods, not the node, and lets replies pass", async () => {
      await enforce({ ...of("web"), policyTypes: ["Ingress"] });
      assert.equal(await tcp("client", "web", 80), false);
      assert.equal(await tcp("remote", "web", 80), false);
      assert.equal(await udp("client", "web", 53), false);
      assert.equal(await connects(NODE, "web", 80), true);
      assert.equal(await tcp("web", "client", 80), true);
      assert.equal(await udp("web", "remote", 53), true);
      assert.equal(await tcp("remote", "client", 80), true);
    });

    test("deny all egress stops what the pod begins, not its answers", async () => {
      await enforce({ ...of("web"), policyTypes: ["Egress"] });
      assert.equal(await tcp("web", "client", 80), false);
      assert.equal(await tcp("web", "remote", 80), false);
      assert.equal(await tcp("client", "web", 80), true);
    });

    test("allowed is what any policy allows: peers, ports, ranges and names", async () => {
      await enforce(
        { ...of("web"), policyTypes: ["Ingress"] },
        { ...of("web"), ingress: [{ from: [peer("client")], ports: [{ port: 8080, endPort: 8090 }] }] },
        { ...of("web"), ingress: [{ from: [peer("remote")], ports: [{ port: "http" }] }] },
      );
      assert.equal(await tcp("client", "web", 8081), true);
      assert.equal(await tcp("client", "web", 80), false);
      assert.equal(await tcp("remote", "web", 80), true);
      assert.equal(await tcp("remote", "web", 8081), false);
    });

    test("egress and ingress must both allow", async () => {
      const out = { ...of("client"), policyTypes: ["Egress"], egress: [{ to: [peer("web")] }] };
      await enforce(out, { ...of("web"), ingress: [{ from: [peer("remote")] }] });
      assert.equal(await tcp("client", "web", 80), false);
      await enforce(out, { ...of("web"), ingress: [{ from: [peer("remote"), peer("client")] }] });
      assert.equal(await tcp("client", "web", 80), true);
      assert.equal(await tcp("client", "remote", 80), false);
    });

    test("a block lets in all but what it excepts, and egress to DNS only is no more than that", async () => {
      const ipBlock = { cidr: "10.244.0.0/16", except: [`${IPS.client}/32`] };
      await enforce(
        { ...of("web"), ingress: [{ from: [{ ipBlock }] }] },
        { ...of("remote", "client"), policyTypes: ["Egress"], egress: [{ ports: [DNS] }] },
      );
      assert.equal(await tcp("remote", "web", 80), true);
      assert.equal(await tcp("client", "web", 80), false);
      assert.equal(await udp("client", "remote", 53), true);
      assert.equal(await tcp("client", "remote", 80), false);
    });

    test("a pod that becomes a peer is let in, and a policy that goes lets everybody in", async () => {
      const spec = { ...of("web"), ingress: [{ from: [peer("client")] }] };
      const first = podOf("client");
      await commit([spec], [podOf("web"), { ...first, labels: { app: "x" } }, podOf("remote")]);
      assert.equal(await tcp("client", "web", 80), false);
      await commit([spec], [podOf("web"), first, podOf("remote")]);
      assert.equal(await tcp("client", "web", 80), true);
      assert.equal(await tcp("remote", "web", 80), false);
      await commit([], [podOf("web"), first, podOf("remote")]);
      assert.equal(await tcp("remote", "web", 80), true);
    });

    test("a pod that starts is isolated before its address is known, and only it", async () => {
      await commit([], PODS.map(podOf), new Set([IPS.client]));
      assert.equal(await tcp("web", "client", 80), false);
      assert.equal(await tcp("remote", "web", 80), false);
      assert.equal(await tcp("client", "remote", 80), true);
      assert.equal(await tcp("remote", "client", 80), true);
      await commit([], PODS.map(podOf));
      assert.equal(await tcp("web", "client", 80), true);
    });

    const enforce = (...specs: readonly NetworkPolicySpec[]): Promise<void> => commit(specs, PODS.map(podOf));

    /** Policies of earlier calls that are not given again are deleted. */
    async function commit(
      specs: readonly NetworkPolicySpec[],
      pods: readonly PolicyPod[],
      known?: ReadonlySet<string>,
    ): Promise<void> {
      const view = {
        namespaces: new Map([["default", {}]]),
        pods: new Map([["default", new Map(pods.map((pod) => [pod.name, pod]))]]),
      };
      const absent = { podSelector: { matchLabels: { app: "nobody" } } };
      const plans = Array.from({ length: POLICIES_MAX }, (_, index) => {
        const metadata = { namespace: "default", name: `p${index}` };
        const kind = { apiVersion: "networking.k8s.io/v1", kind: "NetworkPolicy" } as const;
        const policy = compile({ ...kind, metadata, spec: specs[index] ?? absent });
        return [`default/p${index}`, plan(policy, view)] as const;
      });
      await table.commit(new Map(plans), known, never);
    }
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

function podOf(name: PodName): PolicyPod {
  const namedPorts = [{ name: "http", protocol: "tcp", port: 80 }];
  const isLocal = name !== "remote";
  const labels = { app: name };
  return { namespace: "default", name, labels, ip: IPS[name], isLocal, isHostNetwork: false, namedPorts };
}

function makeNode(): void {
  for (const line of [
    `netns add ${NODE}`,
    `-n ${NODE} link set lo up`,
    `-n ${NODE} link add cni0 type bridge`,
    `-n ${NODE} addr add 10.244.0.1/24 dev cni0`,
    `-n ${NODE} link set cni0 up`,
  ])
    execFileSync("ip", line.split(" "));
  const script =
    "echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/bridge/bridge-nf-call-iptables";
  execFileSync("nsenter", [`--net=/run/netns/${NODE}`, "sh", "-ec", script]);
}

function makePod(name: PodName): void {
  const pod = spaceOf(name);
  const gateway = IPS[name].replace(/\d+$/, "1");
  const port = name === "remote" ? `addr add ${gateway}/24 dev to-remote` : `link set to-${name} master cni0`;
  for (const line of [
    `netns add ${pod}`,
    `-n ${pod} link set lo up`,
    `-n ${NODE} link add to-${name} type veth peer name eth0 netns ${pod}`,
    `-n ${NODE} ${port}`,
    `-n ${NODE} link set to-${name} up`,
    `-n ${pod} addr add ${IPS[name]}/24 dev eth0`,
    `-n ${pod} link set eth0 up`,
    `-n ${pod} route add default via ${gateway}`,
  ])
    execFileSync("ip", line.split(" "));
}

/** Accepts on three TCP ports, and echoes on one of UDP. */
async function serve(name: PodName): Promise<ChildProcess> {
  const code = `const { createServer } = require("net"); const dgram = require("dgram");
    const up = [80, 8080, 8081].map((port) => new Promise((done) => createServer((s) => s.on("error", () => {}).end()).listen(port, done)));
    const echo = dgram.createSocket("udp4").on("message", (text, from) => echo.send(text, from.port, from.address));
    up.push(new Promise((done) => echo.bind(53, done)));
    Promise.all(up).then(() => console.log("up"))`;
  const child = spawn("nsenter", [`--net=/run/netns/${spaceOf(name)}`, process.execPath, "-e", code], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(child.stdout, "data");
  return child;
}

function tcp(from: PodName, to: PodName, port: number): Promise<boolean> {
  return connects(spaceOf(from), to, port);
}

function connects(from: string, to: PodName, port: number): Promise<boolean> {
  return succeeds(from, `exec 3<>/dev/tcp/${IPS[to]}/${port}`);
}

function udp(from: PodName, to: PodName, port: number): Promise<boolean> {
  return succeeds(spaceOf(from), `exec 3<>/dev/udp/${IPS[to]}/${port}; echo hello >&3; read -r -n 1 <&3`);
}

/** A packet that is dropped has no other sign than time; an answer takes less than a hundredth of it. */
async function succeeds(space: string, script: string): Promise<boolean> {
  const args = [`--net=/run/netns/${space}`, "timeout", "0.4", "bash", "-c", script];
  const child = spawn("nsenter", args, { stdio: "ignore" });
  const [code] = (await once(child, "close")) as [number];
  return code === 0;
}

async function inside(space: string, command: readonly string[], input: string): Promise<void> {
  const child = spawn("nsenter", [`--net=/run/netns/${space}`, ...command], {
    stdio: ["pipe", "ignore", "pipe"],
  });
  let message = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (message += text));
  child.stdin.end(input);
  const [code] = (await once(child, "close")) as [number];
  assert.equal(code, 0, message);
}
