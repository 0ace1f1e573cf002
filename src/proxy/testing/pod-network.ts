/**
 * A node with two pods behind its bridge, a pod of another node, and somebody outside, as network namespaces: for system tests of who
 * reaches whom, and as whom. The node's way out leads to the one outside, who has an address of the service range, too: what leaks
 * is answered there.
 * @module
 */
import assert from "node:assert/strict";
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { IpFamily } from "#api/validation/ip";
import { enter } from "./namespaces.ts";
import type { Answer, Identity, Question } from "./peer.ts";

export const PLACES = ["node", "near", "client", "far", "outside"] as const;
export type PlaceName = (typeof PLACES)[number];

/** Everything's addresses, in one family. */
export interface PodNetworkPlan {
  readonly family: IpFamily;
  /** Of the node: towards the outside, a second one there, towards the other node, and of the bridge. */
  readonly nodeIP: string;
  readonly nodeIP2: string;
  readonly linkIP: string;
  readonly bridgeIP: string;
  readonly near: string;
  readonly client: string;
  readonly far: string;
  readonly outside: string;
  /** Who is outside has it: a balancer of its own, and what must never be reached. */
  readonly proxyIP: string;
  readonly unusedIP: string;
  readonly clusterIP: string;
  readonly externalIP: string;
  readonly balancerIP: string;
  readonly clusterCIDR: string;
  readonly serviceCIDR: string;
  readonly hostBits: number;
}

export const POD_NETWORKS: readonly PodNetworkPlan[] = [
  {
    family: "IPv4",
    nodeIP: "192.0.2.1",
    nodeIP2: "192.0.2.11",
    linkIP: "198.18.0.1",
    bridgeIP: "10.244.0.1",
    near: "10.244.0.5",
    client: "10.244.0.6",
    far: "10.244.1.5",
    outside: "192.0.2.2",
    proxyIP: "203.0.113.10",
    unusedIP: "10.96.7.7",
    clusterIP: "10.96.0.9",
    externalIP: "198.51.100.7",
    balancerIP: "203.0.113.9",
    clusterCIDR: "10.244.0.0/16",
    serviceCIDR: "10.96.0.0/12",
    hostBits: 32,
  },
  {
    family: "IPv6",
    nodeIP: "2001:db8::1",
    nodeIP2: "2001:db8::11",
    linkIP: "2001:db8:1::1",
    bridgeIP: "fd00:244::1",
    near: "fd00:244::5",
    client: "fd00:244::6",
    far: "fd00:244:0:1::5",
    outside: "2001:db8::2",
    proxyIP: "2001:db8:9::10",
    unusedIP: "fd00:96::7:7",
    clusterIP: "fd00:96::9",
    externalIP: "2001:db8:7::7",
    balancerIP: "2001:db8:9::9",
    clusterCIDR: "fd00:244::/56",
    serviceCIDR: "fd00:96::/108",
    hostBits: 128,
  },
];

export const PORTS = [8080, 8081, 8082, 8083] as const;

/** What answers at all answers long before. */
const ANSWER_MS = 15_000;
/** A packet that is dropped has no other sign than time. */
const SILENCE_MS = 400;
const ERROR = /^E[A-Z]+$/;
const PEER = join(import.meta.dirname, "peer.ts");

export type Asked = Partial<Pick<Question, "protocol" | "as" | "flow">>;

export class PodNetwork implements AsyncDisposable {
  readonly #spaces: Readonly<Record<PlaceName, string>>;
  readonly #peers = new Map<PlaceName, ChildProcess>();
  readonly #others: ChildProcess[] = [];
  readonly #waiting = new Map<string, (text: string) => void>();
  #questions = 0;

  private constructor(name: string) {
    const space = (place: PlaceName): string => `k8ts-${name}-${place}${process.pid}`;
    this.#spaces = {
      node: space("node"),
      near: space("near"),
      client: space("client"),
      far: space("far"),
      outside: space("outside"),
    };
  }

  /** `name` is unique among tests that run at the same time. */
  static async make(name: string, plan: PodNetworkPlan): Promise<PodNetwork> {
    const network = new PodNetwork(name);
    try {
      network.#link(plan);
      for (const place of PLACES) await network.#start(place);
    } catch (err) {
      await network[Symbol.asyncDispose]();
      throw err;
    }
    return network;
  }

  /** What leads into the namespace. */
  enter(place: PlaceName): readonly [string, ...string[]] {
    return enter(this.#spaces[place]);
  }

  /** Runs a program there; gives its standard output. */
  run(place: PlaceName, ...command: readonly string[]): string {
    const [file, ...args] = this.enter(place);
    return execFileSync(file, [...args, ...command], { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  }

  /** Starts a program there; it ends with the network. */
  spawn(place: PlaceName, ...command: readonly string[]): ChildProcess {
    const [file, ...args] = this.enter(place);
    const child = spawn(file, [...args, ...command], { stdio: ["pipe", "pipe", "inherit"] });
    this.#others.push(child);
    return child;
  }

  /** `near:8080 10.244.0.6`: who answered, and as whom it saw the one who asked; or the code of an error. */
  async ask(from: PlaceName, to: string, port: number, asked: Asked = {}): Promise<string> {
    return this.#ask(from, { to, port, protocol: "tcp", ...asked, timeoutMs: ANSWER_MS });
  }

  /** Nothing comes back to any of them, not even a refusal. */
  async drops(all: readonly PlaceName[], to: string, port: number, asked: Asked = {}): Promise<void> {
    const question = { to, port, protocol: "tcp", ...asked, timeoutMs: SILENCE_MS } as const;
    const texts = await Promise.all(all.map((from) => this.#ask(from, question)));
    assert.deepEqual(
      texts,
      all.map(() => "ETIMEDOUT"),
      `${all.join(" and ")} ask ${to}`,
    );
  }

  /** Every one who answers, without ports, or an error: by so many questions that chance leaves out none of four. */
  async everyone(from: PlaceName, to: string, port: number): Promise<readonly string[]> {
    const names = new Set<string>();
    for (let i = 0; i < 96; i++) {
      const text = await this.ask(from, to, port);
      if (ERROR.test(text)) return [text];
      names.add(text.split(":")[0]!);
    }
    return [...names].toSorted((a, b) => a.localeCompare(b));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const peer of [...this.#peers.values(), ...this.#others]) {
      const ended = once(peer, "exit");
      peer.kill("SIGKILL");
      await ended;
    }
    for (const space of Object.values(this.#spaces))
      try {
        execFileSync("ip", ["netns", "del", space], { stdio: "pipe" });
      } catch {
        // it was not made
      }
  }

  async #ask(from: PlaceName, question: Omit<Question, "id">): Promise<string> {
    const id = ++this.#questions;
    return this.#tell(from, id, { id, ...question });
  }

  async #start(place: PlaceName): Promise<void> {
    const [file, ...args] = this.enter(place);
    const peer = spawn(file, [...args, process.execPath, PEER], { stdio: ["pipe", "pipe", "inherit"] });
    this.#peers.set(place, peer);
    createInterface({ input: peer.stdout }).on("line", (line) => {
      const { id, text } = JSON.parse(line) as Answer;
      this.#waiting.get(`${place} ${id}`)?.(text);
      this.#waiting.delete(`${place} ${id}`);
    });
    await this.#tell(place, 0, { name: place, ports: PORTS });
  }

  #tell(place: PlaceName, id: number, message: Identity | Question): Promise<string> {
    const { promise, resolve } = Promise.withResolvers<string>();
    this.#waiting.set(`${place} ${id}`, resolve);
    this.#peers.get(place)!.stdin!.write(`${JSON.stringify(message)}\n`);
    return promise;
  }

  #link(plan: PodNetworkPlan): void {
    const { node, near, client, far, outside } = this.#spaces;
    const six = plan.family === "IPv6";
    const [net, noDad] = six ? [64, " nodad"] : [24, ""];
    const flag = six ? "-6 " : "";
    const address = (space: string, ip: string, link: string, bits: number = net): string =>
      `-n ${space} addr add ${ip}/${bits} dev ${link}${noDad}`;
    const podLink = (pod: string, to: string, ip: string): readonly string[] => [
      `-n ${node} link add ${to} type veth peer name eth0 netns ${pod}`,
      `-n ${node} link set ${to} master cni0 up`,
      `-n ${node} link set ${to} type bridge_slave hairpin on`,
      `-n ${pod} link set eth0 up`,
      address(pod, ip, "eth0"),
      `-n ${pod} ${flag}route add default via ${plan.bridgeIP}`,
    ];
    const lines = [
      ...Object.values(this.#spaces).flatMap((space) => [`netns add ${space}`, `-n ${space} link set lo up`]),
      `-n ${node} link add cni0 type bridge`,
      `-n ${node} link set cni0 up`,
      address(node, plan.bridgeIP, "cni0"),
      ...podLink(near, "to-near", plan.near),
      ...podLink(client, "to-client", plan.client),
      `-n ${node} link add eth0 type veth peer name eth0 netns ${outside}`,
      `-n ${node} link add eth1 type veth peer name eth0 netns ${far}`,
      ...["eth0", "eth1"].map((link) => `-n ${node} link set ${link} up`),
      ...[far, outside].map((space) => `-n ${space} link set eth0 up`),
      address(node, plan.nodeIP, "eth0"),
      address(node, plan.nodeIP2, "eth0"),
      address(node, plan.linkIP, "eth1"),
      address(outside, plan.outside, "eth0"),
      ...[plan.proxyIP, plan.unusedIP].map((ip) => address(outside, ip, "lo", plan.hostBits)),
      address(far, plan.far, "eth0", plan.hostBits),
      `-n ${far} ${flag}route add ${plan.linkIP}/${plan.hostBits} dev eth0`,
      `-n ${node} ${flag}route add ${plan.far}/${plan.hostBits} dev eth1`,
      `-n ${node} ${flag}route add default via ${plan.outside} src ${plan.nodeIP}`,
      `-n ${far} ${flag}route add default via ${plan.linkIP}`,
      `-n ${outside} ${flag}route add default via ${plan.nodeIP}`,
    ];
    for (const line of lines) execFileSync("ip", line.split(" "));
    const forwarding = six ? "net.ipv6.conf.all.forwarding" : "net.ipv4.ip_forward";
    const bridged = `net.bridge.bridge-nf-call-ip${six ? "6" : ""}tables`;
    // or it would tell of refusals but once a second
    const patience = six ? "net.ipv6.icmp.ratelimit" : "net.ipv4.icmp_ratelimit";
    this.run("node", "sysctl", "-qw", `${forwarding}=1`, `${bridged}=1`, `${patience}=0`);
  }
}
