/** Who is asked about other names: the node's resolvers, or what the ConfigMap `kube-dns` in kube-system says. @module */
import type { ConfigMap } from "#api/core/v1/types.gen";
import type { Server } from "./forward/exchange.ts";
import { parseServer } from "./forward/upstreams.ts";

export interface DnsConfig {
  readonly upstreams: readonly Server[];
  /** Domain, in lower case without the final dot -> who knows its names. */
  readonly stubDomains: ReadonlyMap<string, readonly Server[]>;
}

export const CONFIG_NAMESPACE = "kube-system";
export const CONFIG_NAME = "kube-dns";
/** More of either are refused. */
const SERVERS_MAX = 15;
const STUB_DOMAINS_MAX = 256;
const RESOLV_CONF_SERVERS_MAX = 3;

/** The `nameserver` lines of a resolv.conf; at most three, as the resolver of libc reads. */
export function upstreamsOf(resolvConf: string): readonly string[] {
  const found = [...resolvConf.matchAll(/^\s*nameserver\s+(\S+)/gm)].map((match) => match[1]!);
  return found.slice(0, RESOLV_CONF_SERVERS_MAX);
}

/** What cannot be understood is left out, and said in `problems`. */
export function dnsConfigOf(
  configMap: ConfigMap | undefined,
  upstreams: readonly string[],
): { readonly config: DnsConfig; readonly problems: readonly string[] } {
  const problems: string[] = [];
  const nameservers = parse(configMap, "upstreamNameservers", problems);
  const listed = nameservers === undefined ? upstreams : nameservers;
  const stubs = parse(configMap, "stubDomains", problems) ?? {};
  const stubDomains = new Map<string, readonly Server[]>();
  if (typeof stubs !== "object" || stubs === null || Array.isArray(stubs))
    problems.push("stubDomains: must be an object of lists of addresses");
  else {
    const entries = Object.entries(stubs);
    if (entries.length > STUB_DOMAINS_MAX)
      problems.push(`stubDomains: only the first ${STUB_DOMAINS_MAX} of ${entries.length} are used`);
    for (const [domain, servers] of entries.slice(0, STUB_DOMAINS_MAX)) {
      const known = serversOf(servers, `stubDomains[${domain}]`, problems);
      if (known.length > 0) stubDomains.set(domain.toLowerCase().replace(/\.$/, ""), known);
    }
  }
  return { config: { upstreams: serversOf(listed, "upstreamNameservers", problems), stubDomains }, problems };
}

function parse(configMap: ConfigMap | undefined, key: string, problems: string[]): unknown {
  const text = configMap?.data?.[key];
  if (text === undefined || text.trim() === "") return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch (err) {
    problems.push(`${key}: ${(err as Error).message}`);
    return undefined;
  }
}

function serversOf(value: unknown, field: string, problems: string[]): readonly Server[] {
  if (!Array.isArray(value)) {
    problems.push(`${field}: must be a list of addresses`);
    return [];
  }
  if (value.length > SERVERS_MAX) problems.push(`${field}: only the first ${SERVERS_MAX} are used`);
  return value.slice(0, SERVERS_MAX).flatMap((entry: unknown) => {
    const server = typeof entry === "string" ? parseServer(entry) : undefined;
    if (server === undefined) problems.push(`${field}: ${JSON.stringify(entry)} is no address`);
    return server ?? [];
  });
}
