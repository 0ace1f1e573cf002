/** How fast pods may be driven from nodes that are not ready, by the state of their zone. @module */
import type { Node } from "#api/core/v1/types.gen";
import { readiness } from "./plan.ts";

/** Nodes per second that are tainted NoExecute in a healthy zone, and in a large one that is partly broken. */
const EVICTION_RATE = 0.1;
const SECONDARY_EVICTION_RATE = 0.01;
/** A zone with fewer nodes evicts nothing while it is partly broken. */
const LARGE_CLUSTER_NODES = 50;
/** The part of a zone's nodes that makes it partly broken, if more than two are not ready. */
const UNHEALTHY_ZONE_PART = 0.55;

/** The four flags of upstream that say how fast nodes are given up. */
export interface EvictionRates {
  readonly perSecond: number;
  readonly secondaryPerSecond: number;
  readonly largeClusterNodes: number;
  readonly unhealthyZonePart: number;
}

export const DEFAULT_RATES: EvictionRates = {
  perSecond: EVICTION_RATE,
  secondaryPerSecond: SECONDARY_EVICTION_RATE,
  largeClusterNodes: LARGE_CLUSTER_NODES,
  unhealthyZonePart: UNHEALTHY_ZONE_PART,
};

export type ZoneState = "Normal" | "PartialDisruption" | "FullDisruption";

const EXCLUDED_LABEL = "node.kubernetes.io/exclude-disruption";

/** Region and zone, as one text. */
export function zoneOf({ metadata }: Node): string {
  const { labels = {} } = metadata;
  const region =
    labels["topology.kubernetes.io/region"] ?? labels["failure-domain.beta.kubernetes.io/region"] ?? "";
  const zone =
    labels["topology.kubernetes.io/zone"] ?? labels["failure-domain.beta.kubernetes.io/zone"] ?? "";
  return region === "" && zone === "" ? "" : `${region}:\x00:${zone}`;
}

export function zoneState(
  nodes: readonly Node[],
  { unhealthyZonePart }: EvictionRates = DEFAULT_RATES,
): ZoneState {
  const notReady = nodes.filter((node) => readiness(node) !== "True").length;
  if (notReady > 0 && notReady === nodes.length) return "FullDisruption";
  return notReady > 2 && notReady / nodes.length >= unhealthyZonePart ? "PartialDisruption" : "Normal";
}

/**
 * Nodes of `zone` per second that may be tainted. 0 while every zone is broken: then it is more likely that this
 * controller is cut off than that all nodes are gone, and taints are taken back.
 */
export function evictionRate(
  nodes: readonly Node[],
  zone: string,
  rates: EvictionRates = DEFAULT_RATES,
): { readonly perSecond: number; readonly isCutOff: boolean } {
  const counted = nodes.filter(({ metadata }) => metadata.labels?.[EXCLUDED_LABEL] === undefined);
  const zones = Map.groupBy(counted, zoneOf);
  const states = new Map([...zones].map(([name, members]) => [name, zoneState(members, rates)]));
  const isCutOff = states.size > 0 && [...states.values()].every((state) => state === "FullDisruption");
  if (isCutOff) return { perSecond: 0, isCutOff };
  if (states.get(zone) !== "PartialDisruption") return { perSecond: rates.perSecond, isCutOff };
  const isLarge = (zones.get(zone)?.length ?? 0) > rates.largeClusterNodes;
  return { perSecond: isLarge ? rates.secondaryPerSecond : 0, isCutOff };
}

/** One token per zone, which comes back at the zone's rate. Bounded by the zones of the cluster. */
export class EvictionLimiter {
  readonly #lastMs = new Map<string, number>();

  /** 0: go ahead, the token is taken. Otherwise so long until there is one; undefined: not at this rate. */
  take(zone: string, perSecond: number, nowMs: number): number | undefined {
    if (perSecond === 0) return undefined;
    const last = this.#lastMs.get(zone);
    const waitMs = last === undefined ? 0 : last + 1000 / perSecond - nowMs;
    if (waitMs > 0) return waitMs;
    this.#lastMs.set(zone, nowMs);
    return 0;
  }
}
