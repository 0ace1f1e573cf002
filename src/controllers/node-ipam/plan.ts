/** Which pod CIDRs each node has: the decisions of the node IPAM controller. @module */
import type { Node } from "#api/core/v1/types.gen";
import { familyOf } from "#api/validation/ip-range";
import type { CidrSetObserver } from "./cidr-set.ts";
import { CidrSet } from "./cidr-set.ts";

export interface IpamOptions {
  readonly clusterCIDRs: readonly string[];
  readonly serviceCIDRs: readonly string[];
  readonly maskSizeIPv4: number;
  readonly maskSizeIPv6: number;
}

/** "full": no part is left. "assigned": the node has them already. */
export type Allocation =
  | { readonly type: "assigned" }
  | { readonly type: "full" }
  | { readonly type: "assign"; readonly podCIDRs: readonly string[] };

/** What was given to whom. Once given, a part is given to nobody else until its node is gone. Bounded by the nodes. */
export class Ipam {
  readonly #sets: readonly CidrSet[];
  readonly #given = new Map<string, readonly string[]>();

  /** Throws a RangeError for CIDRs that are none, two of one family, or too small for their mask. */
  constructor(
    { clusterCIDRs, serviceCIDRs, maskSizeIPv4, maskSizeIPv6 }: IpamOptions,
    observerOf?: (clusterCIDR: string) => CidrSetObserver,
  ) {
    refuseMany(clusterCIDRs);
    this.#sets = clusterCIDRs.map(
      (cidr) =>
        new CidrSet(cidr, familyOf(cidr) === "IPv4" ? maskSizeIPv4 : maskSizeIPv6, observerOf?.(cidr)),
    );
    for (const cidr of serviceCIDRs) for (const set of this.#sets) set.occupy(cidr);
  }

  /** Takes note of what a node has. Every existing node is to be observed before the first allocation. */
  observe(node: Node): void {
    const podCIDRs = podCIDRsOf(node);
    if (podCIDRs.length === 0) return;
    const { name } = node.metadata;
    const before = this.#given.get(name) ?? [];
    this.#release(before.filter((cidr) => !podCIDRs.includes(cidr)));
    for (const cidr of podCIDRs) for (const set of this.#sets) set.occupy(cidr);
    this.#given.set(name, podCIDRs);
  }

  /** One part of each range. The same again for a node that got some before, as the write may have been lost. */
  allocate(node: Node): Allocation {
    if (podCIDRsOf(node).length > 0) return { type: "assigned" };
    const before = this.#given.get(node.metadata.name);
    if (before !== undefined) return { type: "assign", podCIDRs: before };
    const podCIDRs: string[] = [];
    for (const set of this.#sets) {
      const cidr = set.allocate();
      if (cidr === undefined) {
        this.#release(podCIDRs);
        return { type: "full" };
      }
      podCIDRs.push(cidr);
    }
    this.#given.set(node.metadata.name, podCIDRs);
    return { type: "assign", podCIDRs };
  }

  forget(name: string): void {
    this.#release(this.#given.get(name) ?? []);
    this.#given.delete(name);
  }

  #release(cidrs: readonly string[]): void {
    for (const cidr of cidrs) for (const set of this.#sets) set.release(cidr);
  }
}

function refuseMany(clusterCIDRs: readonly string[]): void {
  const count = clusterCIDRs.length;
  if (count > 2) throw new RangeError(`length of clusterCIDRs is:${count} more than max allowed of 2`);
  if (count < 2 || new Set(clusterCIDRs.map(familyOf)).size === 2) return;
  throw new RangeError(
    `len of ClusterCIDRs==${count} and they are not configured as dual stack (at least one from each IPFamily)`,
  );
}

function podCIDRsOf({ spec }: Node): readonly string[] {
  if ((spec?.podCIDRs ?? []).length > 0) return spec!.podCIDRs!;
  return spec?.podCIDR === undefined || spec.podCIDR === "" ? [] : [spec.podCIDR];
}
