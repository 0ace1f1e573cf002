/** Makes one node's pod network and keeps it in step with the cluster's nodes. @module */
import { join } from "node:path";
import { Nodes } from "#api/core/v1/node";
import { ServiceCIDRs } from "#api/networking/v1/servicecidr";
import { type Clock, type Logger, pause } from "#apimachinery";
import type { InformerFactory } from "#client";
import { BRIDGE, CNI_FILE, cniConfig } from "./cni-config.ts";
import {
  SERVICE_INTERFACE,
  TABLE,
  guardRoutes,
  masqueradeTable,
  nodeElements,
  rangeLines,
  type LeakGuardOptions,
} from "./leak-guard.ts";
import { HOST_PORT_TABLE } from "./host-ports/host-port-table.ts";
import { runHostPorts } from "./host-ports/run-host-ports.ts";
import { announceAddresses } from "./load-balancer/announce-addresses.ts";
import { systemArpTools } from "./load-balancer/arp-tools.ts";
import type { NetworkTools } from "./network-tools.ts";
import { PROTO, plan, routeLines, type NetworkPlan } from "./plan.ts";
import { POLICY_TABLE } from "./policy/nftables.ts";
import { runPolicies } from "./policy/run-policies.ts";

export interface NetworkOptions extends LeakGuardOptions {
  readonly informers: InformerFactory;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly tools: NetworkTools;
  readonly nodeName: string;
  readonly cniConfDir: string;
  readonly cniDataDir: string;
  /** CIDRs of the nodes' network for LoadBalancer services; absent: none are announced. */
  readonly loadBalancerRange?: string;
  /** Bytes; default 1500. */
  readonly mtu?: number;
}

const MTU_DEFAULT = 1500;
const RETRY_MS = 1_000;
/** Node objects change with every heartbeat of their conditions; a burst is looked at once. */
const BATCH_MS = 5;

/** Resolves when `signal` aborts. What it made stays: pods go on while the agent restarts. */
export async function runNetwork(options: NetworkOptions, signal: AbortSignal): Promise<void> {
  await guard(options, signal);
  const { loadBalancerRange } = options;
  await Promise.all([
    keepRoutes(options, signal),
    runPolicies(options, signal),
    runHostPorts(options, signal),
    ...(loadBalancerRange === undefined
      ? []
      : [announceAddresses({ ...options, loadBalancerRange, arp: systemArpTools }, signal)]),
  ]);
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

  const routes = await tools.routes(PROTO, signal); // an earlier agent's
  let applied: NetworkPlan = {
    podCIDR: undefined,
    routes,
    nodeIPs: new Set([options.nodeIP]),
    serviceRanges: new Set(),
  };
  while (!signal.aborted) {
    changed = Promise.withResolvers();
    const wanted = plan(nodes.lister.list(), ranges.lister.list(), options.nodeName);
    try {
      await apply(applied, wanted, options, signal);
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
  for (const table of [TABLE, POLICY_TABLE, HOST_PORT_TABLE])
    await tools.nft(`add table ${table}\ndelete table ${table}\n`, signal);
  await tools.ip([`route flush proto ${PROTO}`], signal);
  for (const name of [SERVICE_INTERFACE, BRIDGE]) {
    if (tools.hasInterface(name)) await tools.ip([`link del ${name}`], signal);
  }
}

async function guard(options: NetworkOptions, signal: AbortSignal): Promise<void> {
  const { tools } = options;
  await tools.ip(guardRoutes(options, tools.hasInterface(SERVICE_INTERFACE)), signal);
  await tools.nft(masqueradeTable(options, [options.nodeIP]), signal);
  await tools.sysctl("net.ipv4.ip_forward", "1");
}

async function apply(
  old: NetworkPlan,
  wanted: NetworkPlan,
  options: NetworkOptions,
  signal: AbortSignal,
): Promise<void> {
  const { tools, logger } = options;
  const elements = nodeElements(old.nodeIPs, wanted.nodeIPs);
  if (elements !== "") await tools.nft(elements, signal);
  await tools.ip(routeLines(old.routes, wanted.routes), signal);
  await tools.ip(rangeLines(options, old.serviceRanges, wanted.serviceRanges), signal);
  if (wanted.podCIDR === undefined || wanted.podCIDR === old.podCIDR) return;
  const config = cniConfig({
    podCIDR: wanted.podCIDR,
    dataDir: options.cniDataDir,
    mtu: options.mtu ?? MTU_DEFAULT,
  });
  await tools.writeFile(join(options.cniConfDir, CNI_FILE), config);
  logger.info("pod network is ready", { podCIDR: wanted.podCIDR });
}
