/** What pods use, as the resource metrics API (`metrics.k8s.io`) tells it. @module */
import type { KubeObject } from "#apimachinery";
import { messageOf, parseDuration, parseQuantity, parseTime, quantityMilliValue } from "#apimachinery";
import type { Client } from "#client";
import { dynamicKind } from "#client";

const PodMetrics = dynamicKind({
  group: "metrics.k8s.io",
  version: "v1beta1",
  kind: "PodMetrics",
  plural: "pods",
  namespaced: true,
});

export interface PodUsage {
  readonly atMs: number;
  /** The time that the value was measured over. */
  readonly windowMs: number;
  /** In thousandths. */
  readonly milli: number;
}

/** By name of the pod. */
export type Usages = ReadonlyMap<string, PodUsage>;

export interface ResourceMetric {
  readonly namespace: string;
  readonly labelSelector: string;
  readonly resource: string;
  /** Absent: all containers of the pod together. */
  readonly container?: string;
}

interface Measured extends KubeObject {
  readonly timestamp: string;
  readonly window: string;
  readonly containers?: readonly {
    readonly name: string;
    readonly usage: Readonly<Record<string, string>>;
  }[];
}

/** Throws with upstream's words when nothing is served or nothing was measured. */
export async function fetchUsages(
  client: Client,
  metric: ResourceMetric,
  signal: AbortSignal,
): Promise<Usages> {
  const { namespace, labelSelector, resource, container } = metric;
  const items = await list(client, namespace, labelSelector, signal);
  if (items.length === 0) throw new Error("no metrics returned from resource metrics API");
  const usages = items.map((item) => [item.metadata.name, usageOf(item, resource, container)] as const);
  return new Map(usages.flatMap(([name, usage]) => (usage === undefined ? [] : [[name, usage] as const])));
}

async function list(
  client: Client,
  namespace: string,
  labelSelector: string,
  signal: AbortSignal,
): Promise<readonly Measured[]> {
  try {
    const { items } = await client.list(PodMetrics, { namespace, labelSelector }, signal);
    return items as unknown as readonly Measured[];
  } catch (err) {
    throw new Error(`unable to fetch metrics from resource metrics API: ${messageOf(err)}`, { cause: err });
  }
}

/** A pod counts only when every container that is asked for was measured. */
function usageOf(item: Measured, resource: string, container: string | undefined): PodUsage | undefined {
  const asked = (item.containers ?? []).filter(({ name }) => container === undefined || name === container);
  const amounts = asked.map(({ usage }) => usage[resource]);
  if (amounts.length === 0 || amounts.includes(undefined)) return undefined;
  const milli = amounts.reduce((sum, amount) => sum + quantityMilliValue(parseQuantity(amount!)), 0);
  return { atMs: parseTime(item.timestamp), windowMs: parseDuration(item.window), milli };
}
