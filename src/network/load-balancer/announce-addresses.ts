/** Makes the addresses of LoadBalancer services reachable on the nodes' network: for each, one node answers. @module */
import type { IpFamily } from "#api/validation/ip";
import { familyOf, type IpRange } from "#api/validation/ip-range";
import { type Clock, type Logger, pause } from "#apimachinery";
import type { InformerFactory } from "#client";
import { ofFamily } from "../address-family.ts";
import { SERVICE_INTERFACE } from "../leak-guard.ts";
import type { NetworkTools } from "../network-tools.ts";
import { PROTO } from "../route-mark.ts";
import type { Link, NeighbourTools } from "./neighbour-tools.ts";
import { proxyLines, tellNeighbours } from "./neighbour-tools.ts";
import { isIn, parseBlocks } from "./plan.ts";
import { WantedAddresses } from "./wanted-addresses.ts";
import type { Announced, StartGuard, WithdrawalGuard } from "./withdrawal-guard.ts";

export interface AnnounceOptions {
  readonly informers: InformerFactory;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly tools: Pick<NetworkTools, "ip">;
  readonly neighbours: NeighbourTools;
  readonly startGuard: StartGuard;
  readonly nodeName: string;
  readonly nodeIPs: readonly string[];
  /** CIDRs of the nodes' network, of one family or both, separated by commas, that nobody else uses. */
  readonly loadBalancerRange: string;
}

const BATCH_MS = 5;
const RETRY_MS = 1_000;

/** Where addresses of one family are announced. */
interface Place {
  readonly family: IpFamily;
  readonly nodeIP: string;
  readonly blocks: readonly IpRange[];
}

/** On one link: what the kernel answers for, and what it is to. */
interface Change {
  readonly link: Link;
  readonly old: ReadonlySet<string>;
  readonly mine: ReadonlySet<string>;
}

/** Resolves when `signal` aborts; then this node answers for nothing any more, and another one takes over. */
export async function announceAddresses(options: AnnounceOptions, signal: AbortSignal): Promise<void> {
  const { informers, clock, logger, nodeName, loadBalancerRange } = options;
  const blocks = parseBlocks(loadBalancerRange);
  const wanted = new WantedAddresses(informers, nodeName, blocks);
  informers.start(signal);
  await informers.waitForSync(signal);
  const announcer = new Announcer(options, placesOf(options.nodeIPs, blocks));
  let withdrawn: Promise<unknown> = Promise.resolve();
  // at once: a process that is told twice to end does not wait for what is under way
  const stop = (): void => {
    withdrawn = announcer.withdraw();
    wanted.wake();
  };
  signal.addEventListener("abort", stop, { once: true });
  while (!signal.aborted) {
    const changed = wanted.nextChange();
    try {
      await announcer.apply(wanted.current(), () => wanted.wake(), signal);
      await changed;
      await clock.sleep(BATCH_MS, signal);
    } catch (err) {
      if (signal.aborted) break;
      logger.error("could not announce addresses of load balancers; trying again", {
        err,
        retryMs: RETRY_MS,
      });
      await pause(clock, RETRY_MS, signal);
    }
  }
  await withdrawn;
  await announcer.close();
}

/** A node without an address of a family cannot be where its packets go. */
function placesOf(nodeIPs: readonly string[], blocks: readonly IpRange[]): readonly Place[] {
  return (["IPv4", "IPv6"] as const).flatMap((family): readonly Place[] => {
    const [nodeIP, own] = [ofFamily(nodeIPs, family), blocks.filter((block) => block.family === family)];
    return nodeIP === undefined || own.length === 0 ? [] : [{ family, nodeIP, blocks: own }];
  });
}

/** What one node announces. Its calls do not overlap, but `withdraw` may come at any time. */
class Announcer {
  readonly #options: AnnounceOptions;
  readonly #places: readonly Place[];
  readonly #prepared = new Map<IpFamily, Link>();
  #guard: WithdrawalGuard | undefined;

  constructor(options: AnnounceOptions, places: readonly Place[]) {
    this.#options = options;
    this.#places = places;
  }

  /** What the kernel has of the range is read each time: entries of an earlier agent, or half of what failed, count as they are. */
  async apply(wanted: ReadonlySet<string>, onGuardLost: () => void, signal: AbortSignal): Promise<void> {
    const { tools, logger } = this.#options;
    let changes = await this.#changes(wanted, signal);
    const either = changes.map(({ link, old, mine }) => ({ link, addresses: old.union(mine) }));
    // until now the guard of an earlier agent may have withdrawn what was there
    if (await this.#hold(either, onGuardLost, signal)) changes = await this.#changes(wanted, signal);
    for (const { link, old, mine } of changes) {
      await tools.ip(proxyLines(link, old, mine), signal);
      const added = [...mine].filter((ip) => !old.has(ip));
      await tellNeighbours(tools, link, added, signal);
      if (added.length > 0) logger.info("answering for addresses of load balancers", { addresses: added });
    }
    await this.#hold(
      changes.map(({ link, mine }) => ({ link, addresses: mine })),
      onGuardLost,
      signal,
    );
  }

  async #changes(wanted: ReadonlySet<string>, signal: AbortSignal): Promise<readonly Change[]> {
    const changes: Change[] = [];
    for (const place of this.#places) {
      const link = await this.#prepare(place, signal);
      const old = await this.#answered(place, link, signal);
      const mine = new Set([...wanted].filter((ip) => familyOf(ip) === place.family));
      changes.push({ link, old, mine });
    }
    return changes;
  }

  /** A node whose agent has stopped counts as lost: two would answer. Says whether nothing is left. */
  async withdraw(): Promise<boolean> {
    const { tools, logger } = this.#options;
    const signal = new AbortController().signal;
    try {
      for (const place of this.#places) {
        const link = this.#prepared.get(place.family);
        if (link === undefined) continue;
        await tools.ip(proxyLines(link, await this.#answered(place, link, signal), new Set()), signal);
      }
      return true;
    } catch (err) {
      logger.error("could not withdraw addresses of load balancers", { err });
      return false;
    }
  }

  /** Also what was under way when the end came. What cannot be withdrawn is left to the guard. */
  async close(): Promise<void> {
    const isDone = await this.withdraw();
    const guard = this.#guard;
    if (guard === undefined) return;
    try {
      if (isDone) await guard.hold([]);
    } catch (err) {
      this.#options.logger.error("the guard of load balancers' addresses ended before its agent", { err });
    }
    guard.close();
    if (isDone) await guard.ended;
  }

  /** Packets for an address that no rule translates die here, as those for other service addresses do. */
  async #prepare({ family, nodeIP, blocks }: Place, signal: AbortSignal): Promise<Link> {
    const { tools, neighbours } = this.#options;
    const link = neighbours.linkOf(nodeIP);
    if (link === undefined) throw new Error(`No interface has the address ${nodeIP}`);
    if (this.#prepared.get(family)?.name === link.name) return link;
    await neighbours.prepare(link, family);
    const to = `dev ${SERVICE_INTERFACE} src ${nodeIP} proto ${PROTO}`;
    await tools.ip(
      blocks.map(({ cidr }) => `route replace ${cidr} ${to}`),
      signal,
    );
    this.#prepared.set(family, link);
    return link;
  }

  async #answered({ family, blocks }: Place, link: Link, signal: AbortSignal): Promise<ReadonlySet<string>> {
    const all = await this.#options.neighbours.proxied(link, family, signal);
    return new Set([...all].filter((ip) => isIn(ip, blocks)));
  }

  /** A node that never had an address needs no guard. Says whether one was started. */
  async #hold(announced: readonly Announced[], onLost: () => void, signal: AbortSignal): Promise<boolean> {
    const isFirst = this.#guard === undefined;
    if (isFirst && announced.every(({ addresses }) => addresses.size === 0)) return false;
    this.#guard ??= await this.#startGuard(onLost, signal);
    await this.#guard.hold(announced);
    return isFirst;
  }

  async #startGuard(onLost: () => void, signal: AbortSignal): Promise<WithdrawalGuard> {
    const guard = await this.#options.startGuard(signal);
    void guard.ended.then(() => {
      this.#guard = undefined;
      onLost();
    });
    return guard;
  }
}
