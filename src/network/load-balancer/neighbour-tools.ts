/**
 * Answering ARP (IPv4) and neighbour solicitations (IPv6) for addresses that no interface has, and telling neighbours of it:
 * the kernel's proxy entries, by `ip`.
 * @module
 */
import { writeFile } from "node:fs/promises";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { canonicalIp, familyOf } from "#api/validation/ip-range";
import type { IpFamily } from "#api/validation/ip";
import { tryCommand } from "#component-base";
import type { NetworkTools } from "../network-tools.ts";

export interface Link {
  readonly name: string;
  readonly mac: string;
}

export interface NeighbourTools {
  /** The interface that has the address. */
  linkOf(ip: string): Link | undefined;
  /** Addresses of the family that are answered for on the interface. */
  proxied(link: Link, family: IpFamily, signal: AbortSignal): Promise<ReadonlySet<string>>;
  /** Answers at once, and says so when told to. */
  prepare(link: Link, family: IpFamily): Promise<void>;
}

/** Less than a node has to withdraw its addresses. */
const MOMENT_SECONDS = 30;

export const systemNeighbourTools: NeighbourTools = {
  linkOf(ip) {
    const wanted = canonicalIp(ip);
    for (const [name, addresses = []] of Object.entries(networkInterfaces())) {
      const found = addresses.find(({ address }) => address === wanted);
      if (found !== undefined) return { name, mac: found.mac };
    }
    return undefined;
  },
  async proxied({ name }, family, signal) {
    const flag = family === "IPv4" ? "-4" : "-6";
    const command = ["ip", flag, "-json", "neigh", "show", "proxy", "dev", name] as const;
    const { code, stdout, stderr } = await tryCommand([...command], {}, signal);
    if (code !== 0) throw new Error(`${command.join(" ")} failed with code ${code}: ${stderr.trim()}`);
    const entries = JSON.parse(stdout.trim() === "" ? "[]" : stdout) as readonly { readonly dst?: string }[];
    return new Set(entries.flatMap(({ dst }) => dst ?? []));
  },
  async prepare({ name }, family) {
    for (const [path, value] of settings(name, family)) await writeFile(join("/proc/sys/net", path), value);
  },
};

/** The kernel waits up to 0.8 s before it answers for another, lest the other does. */
function settings(link: string, family: IpFamily): readonly (readonly [path: string, value: string])[] {
  if (family === "IPv4")
    return [
      [join("ipv4/neigh", link, "proxy_delay"), "0"],
      [join("ipv4/conf", link, "arp_notify"), "1"],
    ];
  return [
    [join("ipv6/neigh", link, "proxy_delay"), "0"],
    [join("ipv6/conf", link, "proxy_ndp"), "1"],
    [join("ipv6/conf", link, "ndisc_notify"), "1"],
  ];
}

/** `ip -batch` lines that make the entries `wanted`. */
export function proxyLines(
  { name }: Link,
  old: ReadonlySet<string>,
  wanted: ReadonlySet<string>,
): readonly string[] {
  return [
    ...[...old].filter((ip) => !wanted.has(ip)).map((ip) => `neigh del proxy ${ip} dev ${name}`),
    ...[...wanted].filter((ip) => !old.has(ip)).map((ip) => `neigh replace proxy ${ip} dev ${name}`),
  ];
}

/**
 * Gratuitous ARP, or neighbour advertisements that nobody asked for, without a raw socket: the kernel sends one for every
 * address of an interface whose hardware address is set, also to what it is. The addresses are the interface's for that
 * moment only, and for `MOMENT_SECONDS` if this process is killed in it: a node that has the address itself would go on to answer.
 */
export async function tellNeighbours(
  tools: Pick<NetworkTools, "ip">,
  { name, mac }: Link,
  addresses: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  if (addresses.length === 0) return;
  await tools.ip(
    addresses.map(
      (ip) =>
        `addr replace ${hostRange(ip)} dev ${name} valid_lft ${MOMENT_SECONDS} preferred_lft 0${familyOf(ip) === "IPv6" ? " nodad" : ""}`,
    ),
    signal,
  );
  try {
    await tools.ip([`link set dev ${name} address ${mac}`], signal);
  } finally {
    await tools.ip(
      addresses.map((ip) => `addr del ${hostRange(ip)} dev ${name}`),
      signal,
    );
  }
}

function hostRange(ip: string): string {
  return `${ip}/${familyOf(ip) === "IPv4" ? 32 : 128}`;
}
