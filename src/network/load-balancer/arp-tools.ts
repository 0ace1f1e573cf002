/** Answering ARP for addresses that no interface has, and telling neighbours of it: the kernel's proxy entries, by `ip`. @module */
import { writeFile } from "node:fs/promises";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { tryCommand } from "#component-base";
import type { NetworkTools } from "../network-tools.ts";

export interface Link {
  readonly name: string;
  readonly mac: string;
}

export interface ArpTools {
  /** The interface that has the address. */
  linkOf(ip: string): Link | undefined;
  /** Addresses that are answered for on the interface. */
  proxied(link: Link, signal: AbortSignal): Promise<ReadonlySet<string>>;
  /** Answers at once, and says so when told to. */
  prepare(link: Link): Promise<void>;
}

export const systemArpTools: ArpTools = {
  linkOf(ip) {
    for (const [name, addresses = []] of Object.entries(networkInterfaces())) {
      const found = addresses.find(({ address }) => address === ip);
      if (found !== undefined) return { name, mac: found.mac };
    }
    return undefined;
  },
  async proxied({ name }, signal) {
    const { stdout } = await tryCommand(["ip", "-json", "neigh", "show", "proxy", "dev", name], {}, signal);
    const entries = JSON.parse(stdout.trim() === "" ? "[]" : stdout) as readonly { readonly dst?: string }[];
    return new Set(entries.flatMap(({ dst }) => dst ?? []));
  },
  async prepare({ name }) {
    // the kernel waits up to 0.8 s before it answers for another, lest the other does
    await writeFile(join("/proc/sys/net/ipv4/neigh", name, "proxy_delay"), "0");
    await writeFile(join("/proc/sys/net/ipv4/conf", name, "arp_notify"), "1");
  },
};

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
 * Gratuitous ARP without a raw socket: the kernel sends one for every address of an interface whose hardware address
 * is set, also to what it is. The addresses are the interface's for that moment only.
 */
export async function tellNeighbours(
  tools: Pick<NetworkTools, "ip">,
  { name, mac }: Link,
  addresses: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  if (addresses.length === 0) return;
  await tools.ip(
    addresses.map((ip) => `addr replace ${ip}/32 dev ${name}`),
    signal,
  );
  try {
    await tools.ip([`link set dev ${name} address ${mac}`], signal);
  } finally {
    await tools.ip(
      addresses.map((ip) => `addr del ${ip}/32 dev ${name}`),
      signal,
    );
  }
}
