/** Whose source becomes the node's address on the way to an endpoint, and by which mark that is remembered. @module */
import type { Dialect } from "./dialect.ts";

/** Pods of this node are who comes by it; by its name, or by the beginning of its name. */
export interface LocalInterface {
  readonly type: "name" | "prefix";
  readonly name: string;
}

export interface Masquerade {
  /** One bit of a packet's mark. */
  readonly mark: string;
  /** Whoever comes to a cluster address, pods too. */
  readonly isAll: boolean;
  /** Matches of pods, and of everybody else; undefined: nobody knows who is one. */
  readonly pods: { readonly match: string; readonly others: string } | undefined;
}

export interface MasqueradeOptions {
  /** Of pods, of the dialect's family. */
  readonly clusterCIDRs: readonly string[];
  /** Instead of `clusterCIDRs`. */
  readonly localInterface?: LocalInterface | undefined;
  readonly masqueradeAll?: boolean | undefined;
  readonly masqueradeBit?: number | undefined;
}

/** Upstream's. */
const BIT = 14;

export function masqueradeOf(dialect: Dialect, options: MasqueradeOptions): Masquerade {
  const { masqueradeAll: isAll = false, masqueradeBit = BIT } = options;
  return { mark: `0x${(2 ** masqueradeBit).toString(16)}`, isAll, pods: podsOf(dialect, options) };
}

function podsOf({ ip }: Dialect, { clusterCIDRs, localInterface }: MasqueradeOptions): Masquerade["pods"] {
  if (localInterface !== undefined) {
    const { type, name } = localInterface;
    const text = `"${name}${type === "prefix" ? "*" : ""}"`;
    return { match: `iifname ${text}`, others: `iifname != ${text}` };
  }
  const [first] = clusterCIDRs;
  if (first === undefined) return undefined;
  const ranges = clusterCIDRs.length > 1 ? `{ ${clusterCIDRs.join(" , ")} }` : first;
  return { match: `${ip} saddr ${ranges}`, others: `${ip} saddr != ${ranges}` };
}
