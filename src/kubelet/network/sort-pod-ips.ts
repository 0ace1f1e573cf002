/** In which order a pod's addresses are shown: the first is of the node's primary family, whatever the runtime prefers. Pure. @module */
import { familyOf } from "#api/validation/ip-range";

/** One of each family; others are nobody's to see. */
export function sortPodIPs(ips: readonly string[], nodeIPs: readonly string[]): readonly string[] {
  if (ips.length < 2) return ips;
  const primary = familyOf(nodeIPs[0] ?? "");
  const first = ips.find((ip) => familyOf(ip) === primary);
  const other = ips.find((ip) => familyOf(ip) !== primary);
  return [first, other].filter((ip) => ip !== undefined);
}
