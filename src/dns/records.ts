/** What a name of the cluster can have, and how an address is written as a name. Pure. @module */
import { formatIpv6 } from "#api/validation/ip";

export type RecordData =
  | AddressRecord
  | SrvRecord
  | { readonly type: "CNAME" | "PTR" | "TXT"; readonly data: string };

export interface AddressRecord {
  readonly type: "A" | "AAAA";
  readonly data: string;
}

export interface SrvRecord {
  readonly type: "SRV";
  readonly data: {
    readonly priority: 0;
    readonly weight: number;
    readonly port: number;
    readonly target: string;
  };
}

export function addressRecord(address: string): AddressRecord {
  return { type: address.includes(":") ? "AAAA" : "A", data: address };
}

export function isReverseName(name: string): boolean {
  return name.endsWith(V4_SUFFIX) || name.endsWith(V6_SUFFIX);
}

/** 10.96.0.1 of `1.0.96.10.in-addr.arpa`, and what the nibbles under ip6.arpa say, in canonical text; undefined: no address. */
export function addressOfReverseName(name: string): string | undefined {
  if (name.endsWith(V4_SUFFIX)) return name.slice(0, -V4_SUFFIX.length).split(".").toReversed().join(".");
  const nibbles = name.slice(0, -V6_SUFFIX.length).split(".");
  if (nibbles.length !== V6_NIBBLES || !nibbles.every((nibble) => /^[\da-f]$/.test(nibble))) return undefined;
  const hex = nibbles.toReversed().join("");
  return formatIpv6(Array.from({ length: 8 }, (_, i) => Number.parseInt(hex.slice(4 * i, 4 * i + 4), 16)));
}

const V4_SUFFIX = ".in-addr.arpa";
const V6_SUFFIX = ".ip6.arpa";
const V6_NIBBLES = 32;
