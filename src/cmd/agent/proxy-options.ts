/** What of kube-proxy the agent's flags say, and `--proxy-config`: a KubeProxyConfiguration file, which wins over them. @module */
import { availableParallelism } from "node:os";
import type { HttpSecurity } from "#component-base";
import { systemNetworkTools } from "#network";
import { loadProxyConfiguration, systemAddresses, systemNft, validateNodePortAddresses } from "#proxy";
import type { ProxyOptions } from "#proxy";

export interface ProxyFlags {
  readonly proxyConfig?: string;
  readonly nodeportAddresses?: string;
  readonly proxyHealthzPort: number;
  readonly proxyMetricsPort: number;
}

/** Without any ranges: all addresses of the machine. */
const EVERYWHERE = ["0.0.0.0/0", "::/0"];

/** What does not depend on the cluster. */
export type ProxySettings = Pick<ProxyOptions, "nft"> & Partial<ProxyOptions>;

/** Rejects for a file, or a flag, that asks for what is wrong or not possible. `nodeIP`: the primary one. */
export async function proxySettings(
  flags: ProxyFlags,
): Promise<(nodeIP: string, health?: { readonly secure?: HttpSecurity }) => ProxySettings> {
  const { nodeportAddresses = "primary", proxyHealthzPort: port, proxyMetricsPort } = flags;
  const nodePortAddresses = nodeportAddresses
    .split(",")
    .map((range) => range.trim())
    .filter((range) => range !== "");
  const [wrong] = validateNodePortAddresses(nodePortAddresses, "--nodeport-addresses");
  if (wrong !== undefined) throw new Error(`${wrong.field}: ${wrong.message}`);
  const path = flags.proxyConfig;
  const file = path === undefined ? {} : await loadProxyConfiguration(path, availableParallelism());
  return (nodeIP, health) => ({
    nft: systemNft(),
    nodePortAddresses: nodePortAddresses.length > 0 ? nodePortAddresses : EVERYWHERE,
    machineAddresses: systemAddresses,
    sysctl: (name, value) => systemNetworkTools.sysctl(name, value),
    // `::` is both families, but needs a kernel that has IPv6
    ...(port > 0 && { healthz: { host: nodeIP.includes(":") ? "::" : "0.0.0.0", port, ...health } }),
    ...(proxyMetricsPort > 0 && { metrics: { host: "127.0.0.1", port: proxyMetricsPort } }),
    // who names an address there gets plain HTTP on it, as upstream
    ...file,
  });
}
