/** The node's resolver, as its resolv.conf has it now: read for each pod, as upstream, so that a change counts for the next one. @module */
import { familyOf } from "#api/validation/ip-range";
import type { NodePlatform } from "../platform/platform.ts";
import { parseResolvConf, type NodeDNS } from "./dns.ts";
import type { Resolver } from "./dns-limits.ts";

export interface NodeResolverOptions {
  readonly platform: Pick<NodePlatform, "readResolvConf">;
  /** "": the node has none, and its pods neither. */
  readonly path: string;
  readonly nodeIPs: readonly string[];
}

const NONE: Resolver = { servers: [], searches: [], options: [] };
const LOOPBACK = { IPv4: "127.0.0.1", IPv6: "::1" } as const;

/** Rejects when it cannot be read, or says too little. */
export async function nodeResolver({ platform, path, nodeIPs }: NodeResolverOptions): Promise<NodeDNS> {
  if (path === "") return { base: NONE, host: nobody(nodeIPs) };
  const text = await platform.readResolvConf(path);
  const base = text === undefined ? NONE : parseResolvConf(text);
  return { base, host: base };
}

/** A runtime that is given nothing takes the machine's resolv.conf; so pods ask themselves, as a resolver without servers would. */
function nobody(nodeIPs: readonly string[]): Resolver {
  const servers = nodeIPs.map((ip) => LOOPBACK[familyOf(ip)]);
  return { servers: servers.length > 0 ? servers : [LOOPBACK.IPv4], searches: ["."], options: [] };
}
