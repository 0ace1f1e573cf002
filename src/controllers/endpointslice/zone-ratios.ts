/** How much of the cluster's processors stands in each zone. Pure. @module */
import { parseQuantity, quantityToNumber } from "#apimachinery";
import type { Node } from "#api/core/v1/types.gen";

const EXCLUDED_LABELS = ["node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master"];
const ZONE_LABEL = "topology.kubernetes.io/zone";
const ZONES_MIN = 2;

/** Zone → part of all. Undefined: one ready node does not say its zone or its processors, or all are in one zone. */
export function zoneRatios(nodes: readonly Node[]): ReadonlyMap<string, number> | undefined {
  const cpuByZone = new Map<string, number>();
  for (const node of nodes) {
    if (EXCLUDED_LABELS.some((label) => node.metadata.labels?.[label] !== undefined) || !isReady(node))
      continue;
    const zone = zoneOf(node);
    const cpu = quantityToNumber(parseQuantity(node.status?.allocatable?.["cpu"] ?? "0"));
    if (zone === "" || cpu === 0) return undefined;
    cpuByZone.set(zone, (cpuByZone.get(zone) ?? 0) + cpu);
  }
  if (cpuByZone.size < ZONES_MIN) return undefined;
  const total = [...cpuByZone.values()].reduce((sum, cpu) => sum + cpu, 0);
  return new Map([...cpuByZone].map(([zone, cpu]) => [zone, cpu / total]));
}

/** A node's change that can matter to `zoneRatios`, as upstream: not that of its processors. */
export function isSamePlace(a: Node, b: Node): boolean {
  return zoneOf(a) === zoneOf(b) && isReady(a) === isReady(b);
}

export function zoneOf({ metadata }: Node): string {
  return metadata.labels?.[ZONE_LABEL] ?? "";
}

function isReady({ status }: Node): boolean {
  return status?.conditions?.find(({ type }) => type === "Ready")?.status === "True";
}
