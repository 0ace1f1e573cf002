/** Makes one node's pod network and keeps it in step with the cluster's nodes. @module */
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { familyOf } from "#api/validation/ip-range";
import type { Clock, Logger } from "#apimachinery";
import type { InformerFactory } from "#client";
import { BRIDGE, CNI_FILE } from "./cni-config.ts";
import { IPV6, NFT_FAMILIES, ofFamily, podFamilies, type Addresses } from "./address-family.ts";
import { SERVICE_INTERFACE, guardRoutes, masqueradeTable, masqueradeTableName } from "./leak-guard.ts";
import { hostPortTableName } from "./host-ports/host-port-table.ts";
import { runHostPorts } from "./host-ports/run-host-ports.ts";
import { announceAddresses } from "./load-balancer/announce-addresses.ts";
import { systemNeighbourTools } from "./load-balancer/neighbour-tools.ts";
import { startGuard } from "./load-balancer/withdrawal-guard.ts";
import { cleanAddresses } from "./address-cleanup.ts";
import type { NetworkTools } from "./network-tools.ts";
import { passBridgedTraffic } from "./bridged-traffic.ts";
import { lackOf, missingInKernel, remedyOf } from "./kernel-needs.ts";
import { keepRoutes } from "./keep-routes.ts";
import type { TunnelMode } from "./plan.ts";
import { PROTO } from "./route-mark.ts";
import { TUNNEL } from "./tunnel.ts";
import { policyTableName } from "./policy/nftables.ts";
import { runPolicies } from "./policy/run-policies.ts";

export interface NetworkOptions extends Addresses {
  readonly informers: InformerFactory;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly tools: NetworkTools;
  readonly nodeName: string;
  readonly cniConfDir: string;
  readonly cniDataDir: string;
  /** CIDRs of the nodes' network for LoadBalancer services; absent: none are announced. */
  readonly loadBalancerRange?: string;
  /** Of pods, in bytes; default: that of the node's link, less what the tunnel needs if there is one. */
  readonly mtu?: number;
  /** Default `auto`. */
  readonly tunnelMode?: TunnelMode;
  /** `cni`: the owner of the cluster has a network of their own, whose configuration is in `cniConfDir`. Default `k8ts`. */
  readonly plugin?: NetworkPlugin;
  /** Ids of the sandboxes that the runtime knows; absent: addresses of dead ones are not given back. */
  readonly sandboxes?: (signal: AbortSignal) => Promise<ReadonlySet<string>>;
}

export type NetworkPlugin = "k8ts" | "cni";

/** In the folder of the node's addresses: the agent that answers for load balancers now. */
const GUARD_FILE = "load-balancer-agent";
/** As long as a node's lease lasts: before the control plane gives the node up, which takes 50 s, it answers no more. */
const AGENT_AWAY_SECONDS_MAX = 40;
/** Resolves when `signal` aborts. What it made stays: pods go on while the agent restarts. */
export async function runNetwork(given: NetworkOptions, signal: AbortSignal): Promise<void> {
  const options = inOwnFamilies(given);
  await guardOrSay(options, signal);
  const { loadBalancerRange, sandboxes } = options;
  await Promise.all([
    keepRoutes({ ...options, isOurs: isOurs(options) }, signal),
    ...(isOurs(options)
      ? podFamilies(options).flatMap((nft) => [
          runPolicies({ ...options, nft }, signal),
          runHostPorts({ ...options, nft }, signal),
        ])
      : []),
    ...(isOurs(options) && sandboxes !== undefined
      ? [cleanAddresses({ ...options, sandboxes }, signal)]
      : []),
    ...(loadBalancerRange === undefined
      ? []
      : [announceLoadBalancers({ ...options, loadBalancerRange }, signal)]),
  ]);
}

async function announceLoadBalancers(
  options: NetworkOptions & { readonly loadBalancerRange: string },
  signal: AbortSignal,
): Promise<void> {
  const file = join(options.cniDataDir, GUARD_FILE);
  const waitSeconds = AGENT_AWAY_SECONDS_MAX;
  const common = { ...options, neighbours: systemNeighbourTools };
  await announceAddresses(
    { ...common, startGuard: (until) => startGuard({ file, waitSeconds, token: randomUUID() }, until) },
    signal,
  );
}

/** A node without an address of a family has no pods of it, nor can the kernel be counted on to know it. */
function inOwnFamilies(options: NetworkOptions): NetworkOptions {
  const isOwn = (cidr: string): boolean => ofFamily(options.nodeIPs, familyOf(cidr)) !== undefined;
  const { clusterCIDRs, serviceCIDRs } = options;
  return { ...options, clusterCIDRs: clusterCIDRs.filter(isOwn), serviceCIDRs: serviceCIDRs.filter(isOwn) };
}

/** Removes all that `runNetwork` made but files, for a machine that goes on without the cluster. */
export async function cleanupNetwork(tools: NetworkTools, signal: AbortSignal): Promise<void> {
  await removeTables(tools, signal);
  await tools.flushRoutes(PROTO, signal);
  for (const name of [SERVICE_INTERFACE, BRIDGE, TUNNEL]) {
    if (tools.hasInterface(name)) await tools.ip([`link del ${name}`], signal);
  }
}

async function removeTables(tools: NetworkTools, signal: AbortSignal): Promise<void> {
  const families = NFT_FAMILIES.filter((nft) => nft !== IPV6 || tools.hasIPv6());
  const names = [masqueradeTableName, policyTableName, hostPortTableName];
  for (const table of families.flatMap((nft) => names.map((nameOf) => nameOf(nft))))
    await tools.nft(`add table ${table}\ndelete table ${table}\n`, signal);
}

/** A program that fails for want of a module says something else. */
async function guardOrSay(options: NetworkOptions, signal: AbortSignal): Promise<void> {
  try {
    await guard(options, signal);
  } catch (err) {
    if (signal.aborted) throw err;
    const missing = await missingInKernel(options.tools.kernel, signal);
    const needed = missing.find(({ without }) => without === undefined);
    if (needed !== undefined) throw new Error(`${lackOf(needed)}; ${remedyOf(needed)}`, { cause: err });
    await guard(options, signal); // modules have been loaded, perhaps
  }
}

async function guard(options: NetworkOptions, signal: AbortSignal): Promise<void> {
  const { tools, cniConfDir, nodeIPs } = options;
  await tools.ip(guardRoutes(options, tools.hasInterface(SERVICE_INTERFACE)), signal);
  if (isOurs(options)) {
    for (const nft of podFamilies(options)) await tools.nft(masqueradeTable(options, nodeIPs, nft), signal);
  } else {
    // what an earlier agent made as the pod network would stand in the way of the other one
    await removeTables(tools, signal);
    if (tools.hasInterface(TUNNEL)) await tools.ip([`link del ${TUNNEL}`], signal);
    await tools.removeFile(join(cniConfDir, CNI_FILE));
  }
  // whichever network leads to the pods
  for (const nft of podFamilies(options)) {
    if (nft === IPV6) await forwardIPv6(options, signal);
    else await tools.sysctl("net.ipv4.ip_forward", "1");
  }
  await passBridgedTraffic(options, podFamilies(options), signal);
}

/** A machine that forwards stops listening to the router that told it the way out, unless told otherwise. */
async function forwardIPv6({ tools, nodeIPs }: NetworkOptions, signal: AbortSignal): Promise<void> {
  const nodeIP = ofFamily(nodeIPs, "IPv6");
  const link = nodeIP === undefined ? undefined : await tools.linkOf(nodeIP, signal);
  if (link !== undefined && (await tools.hasAdvertisedRoute(link.name, signal)))
    await tools.sysctl(`net/ipv6/conf/${link.name}/accept_ra`, "2");
  await tools.sysctl("net.ipv6.conf.all.forwarding", "1");
}

function isOurs({ plugin = "k8ts" }: NetworkOptions): boolean {
  return plugin === "k8ts";
}
