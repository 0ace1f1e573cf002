/** A node and a client beside it, as network namespaces, with programs that serve and ask in them: for system tests. @module */
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";

export const NODE_IP = "192.0.2.1";
export const CLIENT_IP = "192.0.2.2";
/** Also the client's: one that load balancers do not know. */
export const STRANGER_IP = "192.0.2.3";

/** Their IPv6 addresses. */
export const NODE_IP6 = "2001:db8::1";
const CLIENT_IP6 = "2001:db8::2";
export const STRANGER_IP6 = "2001:db8::3";

const ip = (...args: readonly string[]): void => void execFileSync("ip", args);

export function enter(namespace: string): readonly [string, ...string[]] {
  return ["nsenter", `--net=/run/netns/${namespace}`];
}

export interface Namespaces {
  readonly node: string;
  readonly client: string;
  /** Ends what was spawned, and removes the namespaces. */
  remove(): void;
  /** A server on the node's addresses that answers with its port. Resolves once it listens. */
  serve(port: number): Promise<void>;
  spawn(namespace: string, code: string): ChildProcess;
}

/** `name` is unique among tests that run at the same time. */
export function makeNamespaces(name: string): Namespaces {
  const [node, client] = [`k8ts-${name}-n${process.pid}`, `k8ts-${name}-c${process.pid}`];
  const children: ChildProcess[] = [];
  for (const ns of [node, client]) ip("netns", "add", ns);
  ip("-n", node, "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", client);
  const addresses = [
    [node, NODE_IP],
    [client, CLIENT_IP],
    [client, STRANGER_IP],
  ] as const;
  for (const [ns, address] of addresses) ip("-n", ns, "addr", "add", `${address}/24`, "dev", "eth0");
  const addresses6 = [
    [node, NODE_IP6],
    [client, CLIENT_IP6],
    [client, STRANGER_IP6],
  ] as const;
  for (const [ns, address] of addresses6)
    ip("-n", ns, "addr", "add", `${address}/64`, "dev", "eth0", "nodad");
  for (const ns of [node, client]) for (const link of ["eth0", "lo"]) ip("-n", ns, "link", "set", link, "up");
  ip("-n", node, "link", "add", "k8ts-svc", "type", "bridge");
  ip("-n", node, "link", "set", "k8ts-svc", "up");
  ip("-n", node, "route", "add", "10.96.0.0/12", "dev", "k8ts-svc", "src", NODE_IP);
  ip("-n", node, "route", "add", "fd00:96::/108", "dev", "k8ts-svc", "src", NODE_IP6);
  const start = (namespace: string, code: string): ChildProcess => {
    const [file, ...args] = enter(namespace);
    const child = spawn(file, [...args, process.execPath, "-e", code], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    children.push(child);
    return child;
  };
  return {
    node,
    client,
    spawn: start,
    async serve(port) {
      const code = `require("net").createServer((s) => s.on("error", () => {}).end("${port}")).listen(${port}, "::", () => console.log("up"))`;
      await once(start(node, code).stdout!, "data");
    },
    remove() {
      for (const child of children) child.kill("SIGKILL");
      for (const ns of [node, client]) ip("netns", "del", ns);
    },
  };
}

export interface Call {
  readonly from: string;
  readonly to: string;
  readonly port: number;
  /** The source address, if it matters. */
  readonly as?: string;
}

/** What the server says, or the code of the error. */
export async function call(namespaces: Namespaces, { from, to, port, as }: Call): Promise<string> {
  const local = as === undefined ? "" : `localAddress: "${as}",`;
  const code = `const s = require("net").connect({host: "${to}", port: ${port}, ${local} timeout: 1500});
    s.on("data", (d) => { process.stdout.write(d); s.destroy(); }).on("error", (e) => process.stdout.write(e.code)).on("timeout", () => { process.stdout.write("ETIMEDOUT"); s.destroy(); })`;
  const child = namespaces.spawn(from, code);
  let text = "";
  child.stdout!.setEncoding("utf8").on("data", (part: string) => (text += part));
  await once(child, "close");
  return text;
}
