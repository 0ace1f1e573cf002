/** resolv.conf of a pod by its dnsPolicy. Pure; limits and merging are upstream's. @module */
import type { Pod } from "#api/core/v1/types.gen";
import { formatPod, specOf } from "../container/pod-spec.ts";
import { fitLimits, type Resolver } from "./dns-limits.ts";

export interface ClusterDNS {
  readonly servers: readonly string[];
  readonly domain: string;
}

/** Something that the pod does not get as it asks for it: told in a warning event. */
export interface DNSProblem {
  readonly about: "pod" | "node";
  readonly reason: "DNSConfigForming" | "MissingClusterDNS";
  readonly message: string;
}

/** The node's own resolver. */
export interface NodeDNS {
  /** What pods that ask the cluster search besides. */
  readonly base: Resolver;
  /** What pods get that ask as the node does. */
  readonly host: Resolver;
}

export interface PodDNS {
  readonly config: Resolver;
  readonly problems: readonly DNSProblem[];
}

const MISSING =
  'kubelet does not have ClusterDNS IP configured and cannot create Pod using "ClusterFirst" policy. Falling back to "Default" policy.';

/** Throws for a line that names no server. */
export function parseResolvConf(text: string): Resolver {
  const servers: string[] = [];
  let searches: readonly string[] = [];
  const options = new Map<string, string>();
  for (const line of text.split("\n")) {
    const [keyword, ...values] = line.trim().split(/\s+/u);
    if (keyword === "nameserver") {
      if (values[0] === undefined) throw new Error("nameserver list is empty ");
      servers.push(values[0]);
    }
    // the root stands for no search path at all, and a path with a trailing dot for the one without
    else if (keyword === "search")
      searches = values.filter((value) => value !== ".").map((value) => value.replace(/\.$/u, ""));
    else if (keyword === "options") for (const option of values) options.set(nameOf(option), option);
  }
  return { servers, searches, options: [...options.values()] };
}

export function podDNS(pod: Pod, cluster: ClusterDNS, node: NodeDNS): PodDNS {
  const isMissing = isClusterFirst(pod) && cluster.servers.length === 0;
  const { config, messages } = fitLimits(mergeCustom(pod, byPolicy(pod, cluster, node)));
  const problems = messages.map(
    (message) => ({ about: "pod", reason: "DNSConfigForming", message }) as const,
  );
  return { config, problems: isMissing ? [...missing(pod), ...problems] : problems };
}

function missing(pod: Pod): readonly DNSProblem[] {
  const reason = "MissingClusterDNS";
  return [
    { about: "node", reason, message: MISSING },
    { about: "pod", reason, message: `pod: ${JSON.stringify(formatPod(pod))}. ${MISSING}` },
  ];
}

function isClusterFirst(pod: Pod): boolean {
  const { dnsPolicy = "ClusterFirst", hostNetwork } = specOf(pod);
  return dnsPolicy === "ClusterFirstWithHostNet" || (dnsPolicy === "ClusterFirst" && hostNetwork !== true);
}

function byPolicy(pod: Pod, cluster: ClusterDNS, node: NodeDNS): Resolver {
  if (specOf(pod).dnsPolicy === "None") return { servers: [], searches: [], options: [] };
  if (!isClusterFirst(pod) || cluster.servers.length === 0) return node.host;
  const { domain, servers } = cluster;
  const namespace = pod.metadata.namespace ?? "";
  const ours = domain === "" ? [] : [`${namespace}.svc.${domain}`, `svc.${domain}`, domain];
  return { servers, searches: unique([...ours, ...node.base.searches]), options: ["ndots:5"] };
}

function mergeCustom(pod: Pod, base: Resolver): Resolver {
  const { dnsConfig } = specOf(pod);
  if (dnsConfig === undefined) return base;
  const options = new Map(base.options.map((option) => [nameOf(option), option]));
  for (const { name, value = "" } of dnsConfig.options ?? []) {
    if (name !== undefined) options.set(name, value === "" ? name : `${name}:${value}`);
  }
  return {
    servers: unique([...base.servers, ...(dnsConfig.nameservers ?? [])]),
    searches: unique([...base.searches, ...(dnsConfig.searches ?? [])]),
    options: [...options.values()],
  };
}

/** `ndots` of `ndots:5`. */
function nameOf(option: string): string {
  return option.split(":", 1)[0] ?? option;
}

function unique(values: readonly string[]): readonly string[] {
  return [...new Set(values)];
}
