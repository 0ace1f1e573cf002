/** Three pods behind the bridge of a node, and one that the node reaches by a route, as network namespaces: for system tests. @module */
import assert from "node:assert/strict";
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { IPV4, IPV6, type NftFamily } from "../../address-family.ts";

export type PodName = "web" | "client" | "guest" | "remote";

/** In one family. */
export interface PolicyNetworkPlan {
  readonly nft: NftFamily;
  readonly ips: Readonly<Record<PodName, string>>;
  /** Of the bridge. */
  readonly node: string;
  /** Its port 90 is port 8080 of `web`. */
  readonly service: string;
  /** Of all pods. */
  readonly range: string;
}

export const POLICY_NETWORKS: readonly PolicyNetworkPlan[] = [
  {
    nft: IPV4,
    ips: { web: "10.244.0.2", client: "10.244.0.3", guest: "10.244.0.4", remote: "10.244.1.2" },
    node: "10.244.0.1",
    service: "10.96.0.9",
    range: "10.244.0.0/16",
  },
  {
    nft: IPV6,
    ips: { web: "fd00:244::2", client: "fd00:244::3", guest: "fd00:244::4", remote: "fd00:244:0:1::2" },
    node: "fd00:244::1",
    service: "fd00:96::9",
    range: "fd00:244::/56",
  },
];

/** Who asks whom at which port, and whether an answer comes. Port 53 is UDP. */
export type Expected = readonly [
  from: PodName | "node",
  to: PodName | "node" | "service",
  port: number,
  isAnswered: boolean,
];

const UDP_PORT = 53;
const ECHO_PORT = 7;
/** A packet that is dropped has no other sign than time. */
const SILENCE_SECONDS = 0.4;
/** What answers at all answers long before. */
const ANSWER_SECONDS = 15;

export class PolicyNetwork implements AsyncDisposable {
  readonly #plan: PolicyNetworkPlan;
  readonly #programs: ChildProcess[] = [];

  private constructor(plan: PolicyNetworkPlan) {
    this.#plan = plan;
  }

  static async make(plan: PolicyNetworkPlan): Promise<PolicyNetwork> {
    const network = new PolicyNetwork(plan);
    network.#makeNode();
    for (const name of network.#pods()) network.#makePod(name);
    await network.#serveAt(plan.service);
    for (const name of [...network.#pods(), "node"] as const) await network.#serve(name);
    return network;
  }

  async expect(expected: readonly Expected[]): Promise<void> {
    const told = expected.map(([from, to, port]) => `${from} asks ${to} at ${port}`);
    const answered = await Promise.all(expected.map((one) => this.#isAnswered(one)));
    assert.deepEqual(
      told.filter((_, i) => answered[i]),
      told.filter((_, i) => expected[i]?.[3]),
    );
  }

  /** A connection that stays: what is written comes back. */
  talk(from: PodName, to: PodName): ChildProcess {
    const script = `exec 3<>/dev/tcp/${this.#plan.ips[to]}/${ECHO_PORT}; while read -r word; do echo "$word" >&3; read -r word <&3; echo "$word"; done`;
    return this.#start(from, ["bash", "-c", script], ["pipe", "pipe", "inherit"]);
  }

  async nft(script: string): Promise<void> {
    const child = spawn("nsenter", [...this.#enter("node"), "nft", "-f", "-"], {
      stdio: ["pipe", "ignore", "pipe"],
    });
    let message = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => (message += text));
    child.stdin.end(script);
    const [code] = (await once(child, "close")) as [number];
    assert.equal(code, 0, message);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const program of this.#programs.filter(({ exitCode }) => exitCode === null)) {
      const ended = once(program, "exit");
      program.kill("SIGKILL");
      await ended;
    }
    for (const name of [...this.#pods(), "node"] as const)
      execFileSync("ip", ["netns", "del", this.#space(name)]);
  }

  #pods(): readonly PodName[] {
    return Object.keys(this.#plan.ips) as readonly PodName[];
  }

  #space(name: PodName | "node"): string {
    return `k8ts-policy${this.#plan.nft === IPV6 ? 6 : 4}-${name}${process.pid}`;
  }

  #enter(name: PodName | "node"): readonly [string] {
    return [`--net=/run/netns/${this.#space(name)}`];
  }

  #start(
    name: PodName | "node",
    command: readonly string[],
    stdio: readonly ["ignore" | "pipe", "ignore" | "pipe", "ignore" | "inherit"],
  ): ChildProcess {
    const child = spawn("nsenter", [...this.#enter(name), ...command], { stdio: [...stdio] });
    this.#programs.push(child);
    return child;
  }

  async #isAnswered([from, to, port, isWanted]: Expected): Promise<boolean> {
    const { ips, node, service } = this.#plan;
    const ip = to === "node" ? node : to === "service" ? service : ips[to];
    const script =
      port === UDP_PORT
        ? `exec 3<>/dev/udp/${ip}/${port}; echo hello >&3; read -r -n 1 <&3`
        : `exec 3<>/dev/tcp/${ip}/${port}`;
    const seconds = isWanted ? ANSWER_SECONDS : SILENCE_SECONDS;
    const command = ["timeout", String(seconds), "bash", "-c", script];
    const [code] = (await once(this.#start(from, command, ["ignore", "ignore", "ignore"]), "close")) as [
      number,
    ];
    return code === 0;
  }

  #makeNode(): void {
    const node = this.#space("node");
    const six = this.#plan.nft === IPV6;
    for (const line of [
      `netns add ${node}`,
      `-n ${node} link set lo up`,
      `-n ${node} link add cni0 type bridge`,
      `-n ${node} link set cni0 up`,
      this.#address("node", this.#plan.node, "cni0"),
    ])
      execFileSync("ip", line.split(" "));
    const forwarding = six ? "net.ipv6.conf.all.forwarding" : "net.ipv4.ip_forward";
    const settings = [`${forwarding}=1`, `net.bridge.bridge-nf-call-ip${six ? "6" : ""}tables=1`];
    execFileSync("nsenter", [...this.#enter("node"), "sysctl", "-qw", ...settings]);
  }

  #makePod(name: PodName): void {
    const [node, pod] = [this.#space("node"), this.#space(name)];
    const ip = this.#plan.ips[name];
    const gateway = ip.replace(/\d+$/, "1");
    const flag = this.#plan.nft === IPV6 ? "-6 " : "";
    const port =
      name === "remote"
        ? this.#address("node", gateway, "to-remote")
        : `-n ${node} link set to-${name} master cni0`;
    for (const line of [
      `netns add ${pod}`,
      `-n ${pod} link set lo up`,
      `-n ${node} link add to-${name} type veth peer name eth0 netns ${pod}`,
      port,
      `-n ${node} link set to-${name} up`,
      `-n ${pod} link set eth0 up`,
      this.#address(name, ip, "eth0"),
      `-n ${pod} ${flag}route add default via ${gateway}`,
    ])
      execFileSync("ip", line.split(" "));
  }

  #address(name: PodName | "node", ip: string, link: string): string {
    const suffix = this.#plan.nft === IPV6 ? "/64 dev LINK nodad" : "/24 dev LINK";
    return `-n ${this.#space(name)} addr add ${ip}${suffix.replace("LINK", link)}`;
  }

  /** As the service proxy does: translated before policies are asked. */
  async #serveAt(service: string): Promise<void> {
    const { nft, ips } = this.#plan;
    const table = `${nft.protocol} k8ts-services`;
    const to = nft === IPV6 ? `[${ips.web}]:8080` : `${ips.web}:8080`;
    await this.nft(
      [
        `add table ${table}`,
        `add chain ${table} prerouting { type nat hook prerouting priority -100 ; }`,
        `add rule ${table} prerouting ${nft.protocol} daddr ${service} tcp dport 90 dnat to ${to}`,
        "",
      ].join("\n"),
    );
  }

  /** Accepts on three TCP ports, and echoes on another, and on one of UDP. */
  async #serve(name: PodName | "node"): Promise<void> {
    const code = `const { createServer } = require("net"); const dgram = require("dgram");
      const up = [80, 8080, 8081].map((port) => new Promise((done) => createServer((s) => s.on("error", () => {}).end()).listen(port, "::", done)));
      up.push(new Promise((done) => createServer((s) => s.on("error", () => {}).pipe(s)).listen(${ECHO_PORT}, "::", done)));
      const echo = dgram.createSocket("udp6").on("message", (text, from) => echo.send(text, from.port, from.address));
      up.push(new Promise((done) => echo.bind(${UDP_PORT}, "::", done)));
      Promise.all(up).then(() => console.log("up"))`;
    await once(
      this.#start(name, [process.execPath, "-e", code], ["ignore", "pipe", "inherit"]).stdout!,
      "data",
    );
  }
}
