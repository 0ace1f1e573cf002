/** How nft names what differs between the address families. @module */
import type { IpFamily } from "#api/validation/ip";

export interface Dialect {
  readonly family: IpFamily;
  /** Of tables and of matches. */
  readonly ip: "ip" | "ip6";
  /** Of sets. */
  readonly address: "ipv4_addr" | "ipv6_addr";
  readonly loopback: string;
}

export const DIALECTS: Readonly<Record<IpFamily, Dialect>> = {
  IPv4: { family: "IPv4", ip: "ip", address: "ipv4_addr", loopback: "127.0.0.0/8" },
  IPv6: { family: "IPv6", ip: "ip6", address: "ipv6_addr", loopback: "::1" },
};

/**
 * Two names take turns: a table is filled while the one before it still serves, and takes over when it is whole. The one that
 * serves has the chain `serving`.
 */
const TABLE_NAMES = ["k8ts-proxy", "k8ts-proxy-next"] as const;

/** Of a family: what to write after `nft add table`. */
export function tablesOf({ ip }: Dialect): readonly string[] {
  return TABLE_NAMES.map((name) => `${ip} ${name}`);
}

/**
 * Of the packet's priority, as a scratch register while a client is remembered: no other field of a packet can hold a number for
 * the next expression without somebody missing it. What is within these bounds is set back when the packet has been translated.
 */
export const SLOT_MIN = 0x6b00_0000;
export const SLOT_MAX = 0x6bff_ffff;

/** As nft writes a priority. */
export function slotText(slot: number): string {
  return `${(slot >>> 16).toString(16)}:${(slot & 0xffff).toString(16)}`;
}
