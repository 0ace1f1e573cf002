/** Keeps routes, tunnel, masquerading and CNI configuration of one node in step with the cluster's nodes. @module */
import { join } from "node:path";
import { Nodes } from "#api/core/v1/node";
import { ServiceCIDRs } from "#api/networking/v1/servicecidr";
import { type Clock, type Logger, pause, WakeablePause } from "#apimachinery";
import type { InformerFactory } from "#client";
import { type Addresses, ofFamily, podFamilies } from "./address-family.ts";
import { BRIDGE, CNI_FILE, cniConfig } from "./cni-config.ts";
import { lacksRoute } from "./kernel-routes.ts";
import { nodeElements, rangeLines } from "./leak-guard.ts";
import type { NetworkTools } from "./network-tools.ts";
import { plan, routeLines, type NetworkPlan, type TunnelMode } from "./plan.ts";
import { PROTO } from "./route-mark.ts";
import {
  NO_TUNNEL,
  splitRoutes,
  TUNNEL,
  tunnelEndLines,
  tunnelLines,
  tunnelOverheadBytes,
  tunnelState,
  type Link,
  type TunnelState,
} from "./tunnel.ts";

export interface RouteOptions extends Addresses {
  readonly informers: InformerFactory;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly tools: NetworkTools;
  readonly nodeName: string;
  readonly cniConfDir: string;
  readonly cniDataDir: string;
  readonly mtu?: number;
  readonly tunnelMode?: TunnelMode;
  /** False: another network leads to the pods. */
  readonly isOurs: boolean;
}

/** What is there, as far as it is known: brought up to date after each step, so that one that fails is taken up where it was. */
interface Applied {
  /** Whether `routes` and `tunnel` were read from the kernel. */
  isSeen: boolean;
  routes: ReadonlyMap<string, string>;
  tunnel: TunnelState;
  /** Ranges and MTU of the tunnel's own end; "" when it has to be looked at. */
  tunnelEnd: string;
  nodeIPs: ReadonlySet<string>;
  serviceRanges: ReadonlySet<string>;
  /** Ranges and MTU in the CNI configuration. */
  configured: string;
}

type Settings = RouteOptions & { readonly link: Link | undefined };

const MTU_DEFAULT = 1500;
const RETRY_MS = 1_000;
/** Node objects change with every heartbeat of their conditions; a burst is looked at once. */
const BATCH_MS = 5;
/** An interface that goes down takes its routes along, and nobody tells. */
const CHECK_MS = 10_000;

/** Resolves when `signal` aborts. */
export async function keepRoutes(options: RouteOptions, signal: AbortSignal): Promise<void> {
  const { informers, logger, clock, tools, nodeName, nodeIPs, tunnelMode = "auto" } = options;
  const rest = new WakeablePause(clock);
  let isChanged = false;
  const wake = (): void => {
    isChanged = true;
    rest.wake();
  };
  const nodes = informers.informer(Nodes);
  const ranges = informers.informer(ServiceCIDRs);
  nodes.addEventHandler({ onAdd: wake, onUpdate: wake, onDelete: wake });
  ranges.addEventHandler({ onAdd: wake, onUpdate: wake, onDelete: wake });
  informers.start(signal);
  await informers.waitForSync(signal);

  const link = await tools.linkOf(nodeIPs[0]!, signal);
  const here = { nodeName, nodeIPs, link, tunnelMode };
  const applied = nothingApplied(options);
  while (!signal.aborted) {
    isChanged = false;
    const wanted = plan(nodes.lister.list(), ranges.lister.list(), here);
    try {
      await apply(applied, options.isOurs ? wanted : withoutPods(wanted), { ...options, link }, signal);
      if (!isChanged) await rest.wait(CHECK_MS, signal);
      await pause(clock, BATCH_MS, signal);
    } catch (err) {
      if (signal.aborted) return;
      applied.isSeen = false;
      logger.error("could not bring the pod network up to date; trying again", { err, retryMs: RETRY_MS });
      await pause(clock, RETRY_MS, signal);
    }
  }
}

function nothingApplied({ nodeIPs }: Addresses): Applied {
  return {
    isSeen: false,
    routes: new Map(),
    tunnel: NO_TUNNEL,
    tunnelEnd: "",
    nodeIPs: new Set(nodeIPs),
    serviceRanges: new Set(),
    configured: "",
  };
}

/** What is left when another network leads to the pods: the ranges of Services. */
function withoutPods(wanted: NetworkPlan): NetworkPlan {
  return { ...wanted, podCIDRs: [], routes: new Map(), tunnels: new Map() };
}

async function apply(
  applied: Applied,
  wanted: NetworkPlan,
  options: Settings,
  signal: AbortSignal,
): Promise<void> {
  const { tools, logger } = options;
  if (applied.isSeen && lacksRoute(await tools.routeTables(), leadingTo(applied))) {
    logger.warn("routes to pods of other nodes are gone; making them again");
    applied.isSeen = false;
  }
  if (!applied.isSeen) await look(applied, options, signal);
  const families = options.isOurs ? podFamilies(options) : [];
  const elements = families.map((nft) => nodeElements(applied.nodeIPs, wanted.nodeIPs, nft)).join("");
  if (elements !== "") await tools.nft(elements, signal);
  applied.nodeIPs = wanted.nodeIPs;
  await makeTunnel(applied, wanted, options, signal);
  await lead(applied, wanted, options, signal);
  await tools.ip(rangeLines(options, applied.serviceRanges, wanted.serviceRanges), signal);
  applied.serviceRanges = wanted.serviceRanges;
  await writeCniConfig(applied, wanted, options, signal);
}

function leadingTo({ routes, tunnel }: Applied): readonly string[] {
  return [...routes.keys(), ...tunnel.routes];
}

/** What an earlier agent, or this one, has made and is still there. */
async function look(applied: Applied, { tools }: Settings, signal: AbortSignal): Promise<void> {
  const { routes, tunnelRoutes } = splitRoutes(await tools.routes(PROTO, signal));
  const peers = tools.hasInterface(TUNNEL) ? await tools.tunnelPeers(TUNNEL, signal) : NO_TUNNEL;
  applied.routes = routes;
  applied.tunnel = { ...peers, routes: tunnelRoutes };
  applied.tunnelEnd = "";
  applied.isSeen = true;
}

async function lead(
  applied: Applied,
  wanted: NetworkPlan,
  { tools }: Settings,
  signal: AbortSignal,
): Promise<void> {
  const state = tunnelState(wanted.tunnels);
  const { remove, forward, add } = tunnelLines(applied.tunnel, state);
  await tools.bridge(forward, signal);
  await tools.ip([...remove, ...routeLines(applied.routes, wanted.routes), ...add], signal);
  applied.routes = wanted.routes;
  applied.tunnel = state;
}

/** The tunnel's own end, as soon as a node needs it; it stays, for agents of others may still send through it. */
async function makeTunnel(
  applied: Applied,
  wanted: NetworkPlan,
  options: Settings,
  signal: AbortSignal,
): Promise<void> {
  const { tools, nodeIPs, link } = options;
  const { podCIDRs, tunnels } = wanted;
  if (tunnels.size === 0 || podCIDRs.length === 0 || link === undefined) return;
  // the kernel takes no more, whatever was chosen for pods
  const mtu = Math.min(mtuOf(wanted, options), link.mtu - tunnelOverheadBytes(nodeIPs[0]!));
  const end = `${podCIDRs.join()} ${mtu}`;
  if (end === applied.tunnelEnd) return;
  const nodeIP = nodeIPs[0]!;
  const address = await tools.tunnelAddress(TUNNEL, signal);
  const isThere = address === nodeIP;
  if (address !== undefined && !isThere) {
    await tools.ip([`link del ${TUNNEL}`], signal);
    applied.tunnel = NO_TUNNEL;
  }
  await tools.ip(tunnelEndLines({ nodeIP, podCIDRs, link, mtu }, isThere), signal);
  applied.tunnelEnd = end;
}

async function writeCniConfig(
  applied: Applied,
  wanted: NetworkPlan,
  options: Settings,
  signal: AbortSignal,
): Promise<void> {
  const { podCIDRs } = wanted;
  const { tools, cniConfDir, cniDataDir: dataDir, logger } = options;
  const mtu = mtuOf(wanted, options);
  const configured = `${podCIDRs.join()} ${mtu}`;
  if (podCIDRs.length === 0 || configured === applied.configured) return;
  if (ofFamily(podCIDRs, "IPv6") !== undefined) await makeBridge(tools, signal);
  await tools.writeFile(join(cniConfDir, CNI_FILE), cniConfig({ podCIDRs, dataDir, mtu }));
  applied.configured = configured;
  logger.info("pod network is ready", { podCIDRs, mtu });
}

/** Else the first pod of the node would wait until nobody objects to the gateway's IPv6 address. */
async function makeBridge(tools: NetworkTools, signal: AbortSignal): Promise<void> {
  if (!tools.hasInterface(BRIDGE)) await tools.ip([`link add ${BRIDGE} type bridge`], signal);
  await tools.sysctl(`net.ipv6.conf.${BRIDGE}.accept_dad`, "0");
}

/** Where every node is to be reached by the tunnel, also before there is another node. */
function mtuOf({ tunnels }: NetworkPlan, { mtu, link, nodeIPs, tunnelMode }: Settings): number {
  const isTunnelled = tunnels.size > 0 || (tunnelMode === "always" && link !== undefined);
  return mtu ?? (link?.mtu ?? MTU_DEFAULT) - (isTunnelled ? tunnelOverheadBytes(nodeIPs[0]!) : 0);
}
