/** What a pod calls itself, inside and in /etc/hosts. Pure. @module */
import type { Pod } from "#api/core/v1/types.gen";
import { specOf } from "../container/pod-spec.ts";

const HOSTNAME_MAX = 63;

export interface PodHostname {
  readonly hostname: string;
  /** `hostname.subdomain.namespace.svc.domain`, or "" without a subdomain. */
  readonly fqdn: string;
}

export function podHostname(pod: Pod, clusterDomain: string): PodHostname {
  const { hostname: given, subdomain, hostnameOverride } = specOf(pod);
  if (hostnameOverride !== undefined && hostnameOverride !== "")
    return { hostname: hostnameOverride, fqdn: "" };
  const hostname =
    given !== undefined && given !== ""
      ? given
      : pod.metadata.name.slice(0, HOSTNAME_MAX).replace(/[-.]+$/u, "");
  if (subdomain === undefined || subdomain === "") return { hostname, fqdn: "" };
  return { hostname, fqdn: `${hostname}.${subdomain}.${pod.metadata.namespace ?? ""}.svc.${clusterDomain}` };
}

/** What the sandbox is given: the short name, or the whole one if the pod asks for it. */
export function sandboxHostname(pod: Pod, clusterDomain: string): string {
  const { hostname, fqdn } = podHostname(pod, clusterDomain);
  if (specOf(pod).setHostnameAsFQDN !== true || fqdn === "") return hostname;
  if (fqdn.length > 64) {
    throw new Error(
      `Failed to construct FQDN from Pod hostname and cluster domain, FQDN ${fqdn} is too long (64 characters is the max, ${fqdn.length} characters requested)`,
    );
  }
  return fqdn;
}

/** The /etc/hosts that kubelet manages for a pod with a network of its own. */
export function hostsFile(pod: Pod, podIPs: readonly string[], clusterDomain: string): string {
  const { hostname, fqdn } = podHostname(pod, clusterDomain);
  const names = fqdn === "" ? hostname : `${fqdn}\t${hostname}`;
  return [
    "# Kubernetes-managed hosts file.",
    "127.0.0.1\tlocalhost",
    "::1\tlocalhost ip6-localhost ip6-loopback",
    "fe00::0\tip6-localnet",
    "fe00::0\tip6-mcastprefix",
    "fe00::1\tip6-allnodes",
    "fe00::2\tip6-allrouters",
    ...podIPs.map((ip) => `${ip}\t${names}`),
    ...aliasLines(pod),
    "",
  ].join("\n");
}

/** The node's own /etc/hosts with the pod's aliases, for pods on the node's network. */
export function nodeHostsFile(pod: Pod, nodeHosts: string): string {
  return `# Kubernetes-managed hosts file (host network).\n${nodeHosts}${aliasLines(pod).join("\n")}${aliasLines(pod).length > 0 ? "\n" : ""}`;
}

function aliasLines(pod: Pod): readonly string[] {
  const aliases = specOf(pod).hostAliases ?? [];
  if (aliases.length === 0) return [];
  return [
    "",
    "# Entries added by HostAliases.",
    ...aliases.map(({ ip, hostnames }) => [ip, ...(hostnames ?? [])].join("\t")),
  ];
}
