/** What the node lifecycle controller reports of zones, under upstream's names. @module */
import type { Node } from "#api/core/v1/types.gen";
import type { MetricsSink } from "#client";
import { readiness } from "./plan.ts";
import { zoneOf } from "./zones.ts";

const PREFIX = "node_collector";
const PERCENT = 100;

interface Zone {
  nodes: number;
  unhealthy: number;
}

export class ZoneMetrics {
  readonly #metrics: MetricsSink | undefined;
  /** Bounded by the zones that the cluster has had. */
  readonly #zones = new Map<string, Zone>();

  constructor(metrics: MetricsSink | undefined) {
    this.#metrics = metrics;
  }

  /** Undefined: there was, or is, no such node. */
  changed(old: Node | undefined, node: Node | undefined): void {
    if (this.#metrics === undefined) return;
    const zones = [
      ...(old === undefined ? [] : [this.#count(old, -1)]),
      ...(node === undefined ? [] : [this.#count(node, 1)]),
    ];
    for (const zone of new Set(zones)) this.#report(zone);
  }

  /** How long one node took. There is no pass over all nodes that could be timed. */
  examined(durationMs: number): void {
    this.#metrics?.observe(`${PREFIX}_update_node_health_duration_seconds`, {}, durationMs / 1_000);
  }

  evicted(zone: string): void {
    this.#metrics?.inc(`${PREFIX}_evictions_total`, { zone });
  }

  #count(node: Node, by: 1 | -1): string {
    const name = zoneOf(node);
    const known = this.#zones.get(name);
    const zone = known ?? { nodes: 0, unhealthy: 0 };
    if (known === undefined) this.#metrics?.inc(`${PREFIX}_evictions_total`, { zone: name }, 0);
    this.#zones.set(name, zone);
    zone.nodes += by;
    if (readiness(node) !== "True") zone.unhealthy += by;
    return name;
  }

  /** A zone without nodes is healthy. */
  #report(zone: string): void {
    const { nodes, unhealthy } = this.#zones.get(zone)!;
    const health = nodes === 0 ? PERCENT : (PERCENT * (nodes - unhealthy)) / nodes;
    this.#metrics?.set(`${PREFIX}_zone_size`, { zone }, nodes);
    this.#metrics?.set(`${PREFIX}_zone_health`, { zone }, health);
    this.#metrics?.set(`${PREFIX}_unhealthy_nodes_in_zone`, { zone }, unhealthy);
  }
}
