/** Makes one node's pod network and keeps it in step with the cluster's nodes. @module */
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { Nodes } from "#api/core/v1/node";
import { familyOf } from "#api/validation/ip-range";
import { ServiceCIDRs } from "#api/networking/v1/servicecidr";
import { type Clock, type Logger, pause } from "#apimachinery";
import type { InformerFactory } from "#client";
import { BRIDGE, CNI_FILE, cniConfig } from "./cni-config.ts";
import { IPV6, NFT_FAMILIES, ofFamily, podFamilies, type Addresses } from "./address-family.ts";
import {
  SERVICE_INTERFACE,
  guardRoutes,
  masqueradeTable,
  masqueradeTableName,
  nodeElements,
  rangeLines,
} from "./leak-guard.ts";
import { hostPortTableName } from "./host-ports/host-port-table.ts";
import { runHostPorts } from "./host-ports/run-host-ports.ts";
import { announceAddresses } from "./load-balancer/announce-addresses.ts";
import { systemNeighbourTools } from "./load-balancer/neighbour-tools.ts";
import { startGuard } from "./load-balancer/withdrawal-guard.ts";
import { cleanAddresses } from "./address-cleanup.ts";
import type { NetworkTools } from "./network-tools.ts";
import { plan, routeLines, type NetworkPlan, type TunnelMode } from "./plan.ts";
import { PROTO } from "./route-mark.ts";
import {
  splitRoutes,
  TUNNEL,
  tunnelEndLines,
  tunnelLines,
  tunnelOverheadBytes,
  type Link,
} from "./tunnel.ts";
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
const MTU_DEFAULT = 1500;
const RETRY_MS = 1_000;
/** Node objects change with every heartbeat of their conditions; a burst is looked at once. */
const BATCH_MS = 5;

/** Resolves when `signal` aborts. What it made stays: pods go on while the agent restarts. */
export async function runNetwork(given: NetworkOptions, signal: AbortSignal): Promise<void> {
  const options = inOwnFamilies(given);
  await guard(options, signal);
  const { loadBalancerRange, sandboxes } = options;
  await Promise.all([
    keepRoutes(options, signal),
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

async function keepRoutes(options: NetworkOptions, signal: AbortSignal): Promise<void> {
  const { informers, logger, clock, tools } = options;
  const nodes = informers.informer(Nodes);
  let changed = Promise.withResolvers<void>();
  const wake = (): void => changed.resolve();
  nodes.addEventHandler({ onAdd: wake, onUpdate: wake, onDelete: wake });
  const ranges = informers.informer(ServiceCIDRs);
  ranges.addEventHandler({ onAdd: wake, onUpdate: wake, onDelete: wake });
  informers.start(signal);
  await informers.waitForSync(signal);
  signal.addEventListener("abort", wake, { once: true });

  const { nodeName, nodeIPs, tunnelMode = "auto" } = options;
  const link = await tools.linkOf(nodeIPs[0]!, signal);
  const here = { nodeName, nodeIPs, link, tunnelMode };
  let applied: NetworkPlan = {
    podCIDRs: [],
    ...splitRoutes(await tools.routes(PROTO, signal)), // an earlier agent's
    nodeIPs: new Set(nodeIPs),
    serviceRanges: new Set(),
  };
  while (!signal.aborted) {
    changed = Promise.withResolvers();
    const wanted = plan(nodes.lister.list(), ranges.lister.list(), here);
    try {
      await apply(applied, isOurs(options) ? wanted : withoutPods(wanted), { ...options, link }, signal);
      applied = wanted;
      await changed.promise;
      await clock.sleep(BATCH_MS, signal);
    } catch (err) {
      if (signal.aborted) return;
      logger.error("could not bring the pod network up to date; trying again", { err, retryMs: RETRY_MS });
      await pause(clock, RETRY_MS, signal);
    }
  }
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

async function guard(options: NetworkOptions, signal: AbortSignal): Promise<void> {
  const { tools, cniConfDir, nodeIPs } = options;
  await tools.ip(guardRoutes(options, tools.hasInterface(SERVICE_INTERFACE)), signal);
  if (isOurs(options)) {
    for (const nft of podFamilies(options)) {
      await tools.nft(masqueradeTable(options, nodeIPs, nft), signal);
      if (nft === IPV6) await forwardIPv6(options, signal);
      else await tools.sysctl("net.ipv4.ip_forward", "1");
    }
  } else {
    // what an earlier agent made as the pod network would stand in the way of the other one
    await removeTables(tools, signal);
    await tools.removeFile(join(cniConfDir, CNI_FILE));
  }
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

/** What is left when another network leads to the pods: the ranges of Services. */
function withoutPods(wanted: NetworkPlan): NetworkPlan {
  return { ...wanted, podCIDRs: [], routes: new Map(), tunnels: new Map() };
}

async function apply(
  old: NetworkPlan,
  wanted: NetworkPlan,
  options: NetworkOptions & { readonly link: Link | undefined },
  signal: AbortSignal,
): Promise<void> {
  const { tools } = options;
  const families = isOurs(options) ? podFamilies(options) : [];
  const elements = families.map((nft) => nodeElements(old.nodeIPs, wanted.nodeIPs, nft)).join("");
  if (elements !== "") await tools.nft(elements, signal);
  const mtu = mtuOf(wanted, options);
  await makeTunnel(old, wanted, mtu, options, signal);
  const { remove, forward, add } = tunnelLines(old.tunnels, wanted.tunnels);
  await tools.bridge(forward, signal);
  await tools.ip([...remove, ...routeLines(old.routes, wanted.routes), ...add], signal);
  await tools.ip(rangeLines(options, old.serviceRanges, wanted.serviceRanges), signal);
  await writeCniConfig(old, wanted, options, signal);
}

/** The tunnel's own end, as soon as a node needs it; it stays, for agents of others may still send through it. */
async function makeTunnel(
  old: NetworkPlan,
  { podCIDRs, tunnels }: NetworkPlan,
  mtu: number,
  { tools, nodeIPs, link }: NetworkOptions & { readonly link: Link | undefined },
  signal: AbortSignal,
): Promise<void> {
  if (tunnels.size === 0 || podCIDRs.length === 0 || link === undefined) return;
  if (old.podCIDRs.join() === podCIDRs.join() && old.tunnels.size > 0) return;
  const nodeIP = nodeIPs[0]!;
  const address = await tools.tunnelAddress(TUNNEL, signal);
  const isThere = address === nodeIP;
  if (address !== undefined && !isThere) await tools.ip([`link del ${TUNNEL}`], signal);
  await tools.ip(tunnelEndLines({ nodeIP, podCIDRs, link, mtu }, isThere), signal);
}

async function writeCniConfig(
  old: NetworkPlan,
  wanted: NetworkPlan,
  options: NetworkOptions & { readonly link: Link | undefined },
  signal: AbortSignal,
): Promise<void> {
  const { podCIDRs } = wanted;
  const { tools, cniConfDir, cniDataDir: dataDir, logger } = options;
  const mtu = mtuOf(wanted, options);
  const isSame = podCIDRs.join() === old.podCIDRs.join() && mtu === mtuOf(old, options);
  if (podCIDRs.length === 0 || isSame) return;
  if (ofFamily(podCIDRs, "IPv6") !== undefined) await makeBridge(tools, signal);
  await tools.writeFile(join(cniConfDir, CNI_FILE), cniConfig({ podCIDRs, dataDir, mtu }));
  logger.info("pod network is ready", { podCIDRs, mtu });
}

/** Else the first pod of the node would wait until nobody objects to the gateway's IPv6 address. */
async function makeBridge(tools: NetworkTools, signal: AbortSignal): Promise<void> {
  if (!tools.hasInterface(BRIDGE)) await tools.ip([`link add ${BRIDGE} type bridge`], signal);
  await tools.sysctl(`net.ipv6.conf.${BRIDGE}.accept_dad`, "0");
}

function mtuOf(
  { tunnels }: NetworkPlan,
  { mtu, link, nodeIPs }: { mtu?: number; link: Link | undefined; nodeIPs: readonly string[] },
): number {
  return mtu ?? (link?.mtu ?? MTU_DEFAULT) - (tunnels.size > 0 ? tunnelOverheadBytes(nodeIPs[0]!) : 0);
}
