/** Reads metrics of pods, objects and the outside, from the APIs `custom.metrics.k8s.io` and `external.metrics.k8s.io`. @module */
import { compareStrings, messageOf, parseQuantity, parseTime, quantityMilliValue } from "#apimachinery";
import type { Kind } from "#apimachinery";
import type { MetricIdentifier } from "#api/autoscaling/v2/types.gen";
import type { Client } from "#client";
import type { CustomMetricsVersion } from "./custom-metrics-version.ts";
import type { Usages } from "./metrics.ts";

/** What a value is taken to be measured over, when nothing is said. */
const WINDOW_MS = 60_000;

interface Value {
  readonly describedObject?: { readonly name: string };
  readonly timestamp: string;
  /** v1beta2 */
  readonly windowSeconds?: number;
  /** v1beta1 */
  readonly window?: number;
  readonly value: string;
}

type Query = Readonly<Record<string, string | undefined>>;

/** Of the pods that the selector finds, in thousandths. */
export async function fetchPodsMetric(
  client: Client,
  version: CustomMetricsVersion,
  namespace: string,
  { name, selector }: MetricIdentifier,
  labelSelector: string,
  signal: AbortSignal,
): Promise<Usages> {
  const path = `namespaces/${namespace}/pods/*/${encodeURIComponent(name)}`;
  const query = { labelSelector, metricLabelSelector: selectorText(selector) };
  const items = await custom(client, version, path, query, signal);
  if (items.length === 0) throw new Error("no metrics returned from custom metrics API");
  return new Map(
    items.map(({ describedObject, timestamp, windowSeconds, window, value }) => {
      const seconds = windowSeconds ?? window;
      const windowMs = seconds === undefined ? WINDOW_MS : seconds * 1000;
      return [describedObject?.name ?? "", { atMs: parseTime(timestamp), windowMs, milli: milliOf(value) }];
    }),
  );
}

/** Of one object of the namespace, or of the namespace itself, in thousandths. */
export async function fetchObjectMetric(
  client: Client,
  version: CustomMetricsVersion,
  namespace: string,
  kind: Pick<Kind, "group" | "names" | "kind">,
  object: string,
  { name, selector }: MetricIdentifier,
  signal: AbortSignal,
): Promise<number> {
  const metric = encodeURIComponent(name);
  const resource = kind.group === "" ? kind.names.plural : `${kind.names.plural}.${kind.group}`;
  const isNamespace = kind.group === "" && kind.kind === "Namespace";
  const about = isNamespace ? "metrics" : `${resource}/${encodeURIComponent(object)}`;
  const query = { metricLabelSelector: selectorText(selector) };
  const items = await custom(client, version, `namespaces/${namespace}/${about}/${metric}`, query, signal);
  if (items.length === 1) return milliOf(items[0]!.value);
  const reason = `the custom metrics API server returned ${items.length} results when we asked for exactly one`;
  throw new Error(`unable to fetch metrics from custom metrics API: ${reason}`);
}

/** All values together, in thousandths. */
export async function fetchExternalMetric(
  client: Client,
  namespace: string,
  { name, selector }: MetricIdentifier,
  signal: AbortSignal,
): Promise<number> {
  const path = `/apis/external.metrics.k8s.io/v1beta1/namespaces/${namespace}/${encodeURIComponent(name)}`;
  const items = await fetchValues(client, path, { labelSelector: selectorText(selector) }, signal).catch(
    (err: unknown) => {
      throw new Error(`unable to fetch metrics from external metrics API: ${messageOf(err)}`, { cause: err });
    },
  );
  if (items.length === 0) throw new Error("no metrics returned from external metrics API");
  return items.reduce((sum, { value }) => sum + milliOf(value), 0);
}

async function custom(
  client: Client,
  version: CustomMetricsVersion,
  path: string,
  query: Query,
  signal: AbortSignal,
): Promise<readonly Value[]> {
  try {
    return await fetchValues(client, `/apis/${await version.get(signal)}/${path}`, query, signal);
  } catch (err) {
    throw new Error(`unable to fetch metrics from custom metrics API: ${messageOf(err)}`, { cause: err });
  }
}

async function fetchValues(
  client: Client,
  path: string,
  query: Query,
  signal: AbortSignal,
): Promise<readonly Value[]> {
  const { body } = await client.transport.request({ method: "GET", path, query }, signal);
  return (body as { readonly items?: readonly Value[] }).items ?? [];
}

function milliOf(value: string): number {
  return quantityMilliValue(parseQuantity(value));
}

/** As a query has it; undefined: everything. */
export function selectorText(selector: MetricIdentifier["selector"]): string | undefined {
  const equal = Object.entries(selector?.matchLabels ?? {}).map(([key, value]) => [key, `${key}=${value}`]);
  const terms = (selector?.matchExpressions ?? []).map(({ key, operator, values = [] }) => {
    if (operator === "Exists") return [key, key];
    if (operator === "DoesNotExist") return [key, `!${key}`];
    const word = operator === "In" ? "in" : "notin";
    return [key, `${key} ${word} (${values.toSorted(compareStrings).join(",")})`];
  });
  const all = [...equal, ...terms].toSorted(([a], [b]) => compareStrings(a!, b!));
  return all.length === 0 ? undefined : all.map(([, text]) => text).join(",");
}
