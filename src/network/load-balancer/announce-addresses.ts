/** Makes the addresses of LoadBalancer services reachable on the nodes' network: for each, one node answers ARP. @module */
import { Nodes } from "#api/core/v1/node";
import { Services } from "#api/core/v1/service";
import type { Node, Service } from "#api/core/v1/types.gen";
import { EndpointSlices } from "#api/discovery/v1/endpointslice";
import { serviceKeysOf } from "#api/discovery/v1/service-keys";
import type { EndpointSlice } from "#api/discovery/v1/types.gen";
import { type Clock, type Logger, type ObjectKey, keyOf, pause } from "#apimachinery";
import type { InformerFactory } from "#client";
import { SERVICE_INTERFACE } from "../leak-guard.ts";
import type { NetworkTools } from "../network-tools.ts";
import { PROTO } from "../route-mark.ts";
import type { ArpTools, Link } from "./arp-tools.ts";
import { proxyLines, tellNeighbours } from "./arp-tools.ts";
import { addressesOf, announcerOf, isEligible, isIn, parseBlocks } from "./plan.ts";

export interface AnnounceOptions {
  readonly informers: InformerFactory;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly tools: Pick<NetworkTools, "ip">;
  readonly arp: ArpTools;
  readonly nodeName: string;
  readonly nodeIP: string;
  /** IPv4 CIDRs of the nodes' network, separated by commas, that nobody else uses. */
  readonly loadBalancerRange: string;
}

const BY_SERVICE = "network/service";
const BATCH_MS = 5;
const RETRY_MS = 1_000;

/** Resolves when `signal` aborts; then this node answers for nothing any more, and another one takes over. */
export async function announceAddresses(options: AnnounceOptions, signal: AbortSignal): Promise<void> {
  const { informers, clock, logger, arp, nodeIP } = options;
  const wanted = new WantedAddresses(options);
  informers.start(signal);
  await informers.waitForSync(signal);
  let link: Link | undefined;
  let applied: ReadonlySet<string> = new Set();
  let withdrawn = Promise.resolve();
  // at once: a process that is told twice to end does not wait for what is under way
  const stop = (): void => {
    withdrawn = withdraw(link, applied, options);
    wanted.wake();
  };
  signal.addEventListener("abort", stop, { once: true });
  while (!signal.aborted) {
    const changed = wanted.nextChange();
    try {
      link ??= await prepare(options, signal);
      if (link.name !== arp.linkOf(nodeIP)?.name) throw new Error(`No interface has the address ${nodeIP}`);
      applied = await apply(link, wanted.current(), options, signal);
      await changed;
      await clock.sleep(BATCH_MS, signal);
    } catch (err) {
      if (signal.aborted) break;
      const fields = { err, retryMs: RETRY_MS, addresses: [...applied] };
      logger.error("could not announce addresses of load balancers; trying again", fields);
      await pause(clock, RETRY_MS, signal);
    }
  }
  await withdrawn;
}

/** A node whose agent has stopped counts as lost: two would answer. */
async function withdraw(
  link: Link | undefined,
  applied: ReadonlySet<string>,
  { tools, logger }: AnnounceOptions,
): Promise<void> {
  if (link === undefined) return;
  try {
    await tools.ip(proxyLines(link, applied, new Set()), new AbortController().signal);
  } catch (err) {
    logger.error("could not withdraw addresses of load balancers", { err });
  }
}

/** Packets for an address that no rule translates die here, as those for other service addresses do. */
async function prepare(
  { tools, arp, nodeIP, loadBalancerRange }: AnnounceOptions,
  signal: AbortSignal,
): Promise<Link> {
  const link = arp.linkOf(nodeIP);
  if (link === undefined) throw new Error(`No interface has the address ${nodeIP}`);
  await arp.prepare(link);
  const routes = loadBalancerRange
    .split(",")
    .map((cidr) => `route replace ${cidr.trim()} dev ${SERVICE_INTERFACE} src ${nodeIP} proto ${PROTO}`);
  await tools.ip(routes, signal);
  return link;
}

/** What the kernel has of the range is read each time: entries of an earlier agent, or half of what failed, count as they are. */
async function apply(
  link: Link,
  wanted: ReadonlySet<string>,
  { tools, arp, logger, loadBalancerRange }: AnnounceOptions,
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  const blocks = parseBlocks(loadBalancerRange);
  const old = new Set([...(await arp.proxied(link, signal))].filter((ip) => isIn(ip, blocks)));
  await tools.ip(proxyLines(link, old, wanted), signal);
  const added = [...wanted].filter((ip) => !old.has(ip));
  await tellNeighbours(tools, link, added, signal);
  if (added.length > 0) logger.info("answering for addresses of load balancers", { addresses: added });
  return wanted;
}

/** The addresses this node is to answer for, and when that may have changed. */
class WantedAddresses {
  readonly #options: AnnounceOptions;
  readonly #blocks: ReturnType<typeof parseBlocks>;
  /** Services with addresses. Bounded by the range. */
  readonly #services = new Map<ObjectKey, Service>();
  #changed = Promise.withResolvers<void>();

  constructor(options: AnnounceOptions) {
    this.#options = options;
    this.#blocks = parseBlocks(options.loadBalancerRange);
    const { informers } = options;
    const track = (service: Service): void => this.#track(service);
    const drop = (service: Service): void => this.#drop(keyOf(service));
    informers.informer(Services).addEventHandler({ onAdd: track, onUpdate: track, onDelete: drop });
    const slices = informers.informer(EndpointSlices);
    slices.addIndexer(BY_SERVICE, serviceKeysOf);
    const onSlice = (slice: EndpointSlice): void => {
      if (serviceKeysOf(slice).some((key) => this.#services.has(key))) this.wake();
    };
    slices.addEventHandler({ onAdd: onSlice, onUpdate: onSlice, onDelete: onSlice });
    const onNode = (node: Node, old?: Node): void => {
      if (old === undefined || isEligible(node) !== isEligible(old)) this.wake();
    };
    const onLost = (): void => this.wake();
    informers
      .informer(Nodes)
      .addEventHandler({ onAdd: (node) => onNode(node), onUpdate: onNode, onDelete: onLost });
  }

  /** Take it before `current`, so that no change falls between. */
  nextChange(): Promise<void> {
    this.#changed = Promise.withResolvers();
    return this.#changed.promise;
  }

  wake(): void {
    this.#changed.resolve();
  }

  current(): ReadonlySet<string> {
    const { informers, nodeName } = this.#options;
    const nodes = informers.lister(Nodes).list();
    const slices = informers.lister(EndpointSlices);
    const mine = [...this.#services].flatMap(([key, service]) =>
      addressesOf(service, this.#blocks).filter(
        (ip) => announcerOf(ip, service, nodes, slices.byIndex(BY_SERVICE, key)) === nodeName,
      ),
    );
    return new Set(mine);
  }

  #track(service: Service): void {
    if (addressesOf(service, this.#blocks).length === 0) return this.#drop(keyOf(service));
    this.#services.set(keyOf(service), service);
    this.wake();
  }

  #drop(key: ObjectKey): void {
    if (this.#services.delete(key)) this.wake();
  }
}
