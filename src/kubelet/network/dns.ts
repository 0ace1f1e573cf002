/** resolv.conf of a pod by its dnsPolicy. Pure; limits and merging are upstream's. @module */
import type { Pod } from "#api/core/v1/types.gen";
import type { DNSConfig } from "#cri";
import { specOf } from "../container/pod-spec.ts";

export interface ClusterDNS {
  readonly servers: readonly string[];
  readonly domain: string;
}

/** More than these are cut off, as resolvers ignore them. */
const NAMESERVERS_MAX = 3;
const SEARCHES_MAX = 32;

type Resolver = Required<DNSConfig>;

export function parseResolvConf(text: string): Resolver {
  const servers: string[] = [];
  let searches: readonly string[] = [];
  let options: readonly string[] = [];
  for (const line of text.split("\n")) {
    const [keyword, ...values] = line.trim().split(/\s+/u);
    if (keyword === "nameserver" && values[0] !== undefined) servers.push(values[0]);
    else if (keyword === "search") searches = values.map((v) => (v === "." ? v : v.replace(/\.$/u, "")));
    else if (keyword === "options") options = values;
  }
  return { servers, searches, options };
}

/** `node` is the node's own resolver. */
export function podDNS(pod: Pod, cluster: ClusterDNS, node: Resolver): Resolver {
  const merged = mergeCustom(pod, byPolicy(pod, cluster, node));
  return {
    servers: merged.servers.slice(0, NAMESERVERS_MAX),
    searches: merged.searches.slice(0, SEARCHES_MAX),
    options: merged.options,
  };
}

function byPolicy(pod: Pod, cluster: ClusterDNS, node: Resolver): Resolver {
  const { dnsPolicy = "ClusterFirst", hostNetwork } = specOf(pod);
  if (dnsPolicy === "None") return { servers: [], searches: [], options: [] };
  const clusterFirst =
    dnsPolicy === "ClusterFirstWithHostNet" || (dnsPolicy === "ClusterFirst" && hostNetwork !== true);
  if (!clusterFirst || cluster.servers.length === 0) return node;
  const { domain, servers } = cluster;
  const namespace = pod.metadata.namespace ?? "";
  const ours = domain === "" ? [] : [`${namespace}.svc.${domain}`, `svc.${domain}`, domain];
  return { servers, searches: unique([...ours, ...node.searches]), options: ["ndots:5"] };
}

function mergeCustom(pod: Pod, base: Resolver): Resolver {
  const { dnsConfig } = specOf(pod);
  if (dnsConfig === undefined) return base;
  const options = new Map(base.options.map((o) => [o.split(":")[0]!, o]));
  for (const { name, value } of dnsConfig.options ?? []) {
    if (name !== undefined) options.set(name, value === undefined ? name : `${name}:${value}`);
  }
  return {
    servers: unique([...base.servers, ...(dnsConfig.nameservers ?? [])]),
    searches: unique([...base.searches, ...(dnsConfig.searches ?? [])]),
    options: [...options.values()],
  };
}

function unique(values: readonly string[]): readonly string[] {
  return [...new Set(values)];
}
