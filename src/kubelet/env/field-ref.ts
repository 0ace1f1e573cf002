/** The downward API: fields of a pod and resources of its containers as text. Pure. @module */
import { ownValue, parseQuantity, quantityToNumber, quote } from "#apimachinery";
import type { Pod, ResourceFieldSelector } from "#api/core/v1/types.gen";
import { containerNamed, specOf } from "../container/pod-spec.ts";
import type { NodeCapacity } from "./types.ts";

const MAP_KEY = /^metadata\.(labels|annotations)\['(.*)'\]$/u;

/** What the API may not know yet: addresses that the sandbox has just been given. */
export interface PodAddresses {
  readonly podIPs: readonly string[];
  readonly hostIPs: readonly string[];
}

/** The value at a `fieldPath`. Throws for a path that the downward API does not have. */
export function fieldRefValue(pod: Pod, fieldPath: string, addresses: PodAddresses): string {
  const { metadata } = pod;
  const entry = MAP_KEY.exec(fieldPath);
  if (entry !== null) return ownValue(metadata[entry[1] as "labels" | "annotations"], entry[2]!) ?? "";
  switch (fieldPath) {
    case "metadata.name":
      return metadata.name;
    case "metadata.namespace":
      return metadata.namespace ?? "";
    case "metadata.uid":
      return metadata.uid ?? "";
    case "metadata.labels":
      return formatMap(metadata.labels);
    case "metadata.annotations":
      return formatMap(metadata.annotations);
    case "spec.nodeName":
      return specOf(pod).nodeName ?? "";
    case "spec.serviceAccountName":
      return specOf(pod).serviceAccountName ?? "";
    case "status.hostIP":
      return addresses.hostIPs[0] ?? "";
    case "status.hostIPs":
      return addresses.hostIPs.join(",");
    case "status.podIP":
      return addresses.podIPs[0] ?? "";
    case "status.podIPs":
      return addresses.podIPs.join(",");
    default:
      throw new Error(`unsupported fieldPath: ${fieldPath}`);
  }
}

/** One `key="value"` per line, sorted. */
function formatMap(map: Readonly<Record<string, string>> | undefined): string {
  return Object.keys(map ?? {})
    .toSorted()
    .map((key) => `${key}=${quote(map![key]!)}`)
    .join("\n");
}

/** A container's request or limit in units of `divisor`, rounded up; a missing limit is what the node can give. */
export function resourceFieldValue(
  pod: Pod,
  { containerName, resource, divisor }: ResourceFieldSelector,
  defaultContainer: string | undefined,
  node: NodeCapacity,
): string {
  const name = containerName ?? defaultContainer ?? "";
  const container = containerNamed(pod, name);
  if (container === undefined) throw new Error(`container ${name} not found`);
  const dot = resource.indexOf(".");
  const list = resource.slice(0, dot);
  const what = resource.slice(dot + 1);
  if (list !== "limits" && list !== "requests")
    throw new Error(`unsupported container resource : ${resource}`);
  const limit = container.resources?.limits?.[what];
  const text = list === "limits" ? (limit ?? node.allocatable[what]) : container.resources?.requests?.[what];
  const amount = quantityToNumber(parseQuantity(text ?? "0"));
  const unit = quantityToNumber(parseQuantity(divisor === undefined || divisor === "0" ? "1" : divisor));
  // Thousandths first: 0.1/0.001 must be 100 and not 101.
  return String(Math.ceil(Number((amount / unit).toFixed(6))));
}
