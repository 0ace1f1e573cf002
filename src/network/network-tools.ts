/** The programs and files by which a node's network is changed: `ip`, `nft`, `/proc/sys/net`. All act on the namespace of this process. @module */
import { existsSync } from "node:fs";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { tryCommand } from "#component-base";
import { systemKernelTools, type KernelTools } from "./kernel-needs.ts";
import type { RouteTables } from "./kernel-routes.ts";
import type { Link, TunnelState } from "./tunnel.ts";

export interface NetworkTools {
  /** Runs the lines as one `ip -batch`; rejects with ip's message at the first line that fails. */
  ip(lines: readonly string[], signal: AbortSignal): Promise<void>;
  /** Destination -> gateway of the routes of both families marked with this protocol number. */
  routes(proto: number, signal: AbortSignal): Promise<ReadonlyMap<string, string>>;
  /** Removes the routes of both families marked with this protocol number. */
  flushRoutes(proto: number, signal: AbortSignal): Promise<void>;
  /** Whether a router on the link said that it is the way to everywhere: a host believes it, a router does not. */
  hasAdvertisedRoute(link: string, signal: AbortSignal): Promise<boolean>;
  /** Runs the lines as one `bridge -batch`. */
  bridge(lines: readonly string[], signal: AbortSignal): Promise<void>;
  /** The link that has the address; loopback is none. */
  linkOf(address: string, signal: AbortSignal): Promise<Link | undefined>;
  /** The address that a VXLAN interface sends from; undefined without such an interface. */
  tunnelAddress(name: string, signal: AbortSignal): Promise<string | undefined>;
  /** Permanent neighbours and forwarding entries of a VXLAN interface, which must be there. */
  tunnelPeers(name: string, signal: AbortSignal): Promise<Omit<TunnelState, "routes">>;
  /** The kernel's routes, read without a program. */
  routeTables(): Promise<RouteTables>;
  /** One `nft -f -` transaction. */
  nft(script: string, signal: AbortSignal): Promise<void>;
  /** Sets `net.ipv4.ip_forward` and the like; rejects with what to type. */
  sysctl(name: string, value: string): Promise<void>;
  /** Replaces a file in one step. */
  writeFile(path: string, text: string): Promise<void>;
  /** Nothing, if it is not there. */
  removeFile(path: string): Promise<void>;
  hasInterface(name: string): boolean;
  hasIPv6(): boolean;
  readonly kernel: KernelTools;
}

const PACKAGES: Readonly<Record<string, string>> = { ip: "iproute2", bridge: "iproute2", nft: "nftables" };
const MESSAGE_CHARS_MAX = 2_000;

/** Of `ip -json address`; those without the address are empty. */
interface AddressShown {
  readonly ifname?: string;
  readonly mtu?: number;
  readonly addr_info?: readonly { readonly local: string; readonly prefixlen: number }[];
}

export const systemNetworkTools: NetworkTools = {
  async ip(lines, signal) {
    if (lines.length > 0) await feed("ip", ["-batch", "-"], lines, signal);
  },
  async routes(proto, signal) {
    const routes: { dst: string; gateway?: string }[] = [];
    for (const family of families()) {
      const text = await feed("ip", [family, "-json", "route", "show", "proto", String(proto)], [], signal);
      routes.push(...(JSON.parse(text === "" ? "[]" : text) as typeof routes));
    }
    return new Map(routes.flatMap(({ dst, gateway }) => (gateway === undefined ? [] : [[dst, gateway]])));
  },
  async flushRoutes(proto, signal) {
    for (const family of families())
      await feed("ip", [family, "route", "flush", "proto", String(proto)], [], signal);
  },
  async hasAdvertisedRoute(link, signal) {
    const text = await feed(
      "ip",
      ["-6", "-json", "route", "show", "default", "proto", "ra", "dev", link],
      [],
      signal,
    );
    return text.trim() !== "" && (JSON.parse(text) as unknown[]).length > 0;
  },
  async bridge(lines, signal) {
    if (lines.length > 0) await feed("bridge", ["-batch", "-"], lines, signal);
  },
  async linkOf(address, signal) {
    const text = await feed(
      "ip",
      ["-json", address.includes(":") ? "-6" : "-4", "address", "show", "to", address],
      [],
      signal,
    );
    const found = (JSON.parse(text === "" ? "[]" : text) as AddressShown[]).flatMap(
      ({ ifname, mtu, addr_info: own = [] }) =>
        ifname === undefined || ifname === "lo" || mtu === undefined
          ? []
          : own
              .filter(({ local }) => local === address)
              .map(({ prefixlen }) => ({ name: ifname, mtu, prefixLength: prefixlen })),
    );
    return found[0];
  },
  async tunnelAddress(name, signal) {
    if (!systemNetworkTools.hasInterface(name)) return undefined;
    const text = await feed("ip", ["-json", "-details", "link", "show", "dev", name], [], signal);
    const [link] = JSON.parse(text) as { linkinfo?: { info_data?: { local?: string; local6?: string } } }[];
    const data = link?.linkinfo?.info_data;
    return data?.local ?? data?.local6 ?? "";
  },
  async tunnelPeers(name, signal) {
    const neighbours = await show<{ dst: string; lladdr?: string }>(
      "ip",
      ["neigh", "show", "dev", name, "nud", "permanent"],
      signal,
    );
    const forwarding = await show<{ mac: string; dst?: string }>(
      "bridge",
      ["fdb", "show", "dev", name],
      signal,
    );
    return {
      neighbours: pairs(neighbours.map(({ dst, lladdr }) => [dst, lladdr])),
      forwarding: pairs(forwarding.map(({ mac, dst }) => [mac, dst])),
    };
  },
  async routeTables() {
    const [ipv4, ipv6] = await Promise.all(
      ["route", "ipv6_route"].map((name) =>
        readFile(`/proc/self/net/${name}`, "utf8").catch((err: NodeJS.ErrnoException) => {
          if (err.code === "ENOENT") return ""; // a kernel without that family
          throw err;
        }),
      ),
    );
    return { ipv4: ipv4!, ipv6: ipv6! };
  },
  async nft(script, signal) {
    await feed("nft", ["-f", "-"], [script], signal);
  },
  // names of interfaces may have dots: then slashes divide the parts
  async sysctl(name, value) {
    const file = join("/proc/sys", ...name.split(name.includes("/") ? "/" : "."));
    try {
      await writeFile(file, value);
    } catch (err) {
      // where /proc/sys is read-only, somebody else may have set it
      if ((await readFile(file, "utf8").catch(() => "")).trim() === value) return;
      throw new Error(`Setting ${name} failed; run sysctl -w ${name}=${value} on this machine`, {
        cause: err,
      });
    }
  },
  async writeFile(path, text) {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(`${path}.new`, text, { mode: 0o600 });
    await rename(`${path}.new`, path);
  },
  removeFile: (path) => rm(path, { force: true }),
  // /sys shows the namespace it was mounted in; /proc/net follows the process
  hasInterface: (name) => existsSync(`/proc/sys/net/ipv4/conf/${name}`),
  hasIPv6: () => existsSync("/proc/sys/net/ipv6/conf/all"),
  kernel: systemKernelTools,
};

function families(): readonly string[] {
  return systemNetworkTools.hasIPv6() ? ["-4", "-6"] : ["-4"];
}

async function show<T>(program: string, args: readonly string[], signal: AbortSignal): Promise<readonly T[]> {
  const text = await feed(program, ["-json", ...args], [], signal);
  return JSON.parse(text.trim() === "" ? "[]" : text) as T[];
}

function pairs(all: readonly (readonly [string, string | undefined])[]): ReadonlyMap<string, string> {
  return new Map(all.flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])));
}

/** Standard output. */
async function feed(
  program: string,
  args: readonly string[],
  lines: readonly string[],
  signal: AbortSignal,
): Promise<string> {
  const input = lines.map((line) => `${line}\n`).join("");
  const { code, stdout, stderr } = await tryCommand([program, ...args], { input }, signal).catch(
    (err: NodeJS.ErrnoException) => {
      const hint =
        err.code === "ENOENT" ? `${program} is missing; install the package ${PACKAGES[program]}` : program;
      throw new Error(hint, { cause: err });
    },
  );
  if (code === 0) return stdout;
  const message = stderr.slice(0, MESSAGE_CHARS_MAX).trim();
  throw new Error(`${program} ${args.join(" ")} failed with code ${code}: ${message}`);
}
