/** Gives out the IPv4 addresses of a node's pod network. @module */
import { RuntimeError } from "../errors.ts";

export interface AddressPool {
  /** The next free address; rejects with ResourceExhausted when there is none. */
  take(): string;
  give(address: string): void;
}

/** The network's own address, its first host (the bridge) and its broadcast address are not given out. */
const RESERVED_FIRST = 2;
const RESERVED_LAST = 1;

/** Addresses come round like host-local's: the one just given back is the last to be used again. */
export function addressPool(cidr: string): AddressPool {
  const { base, size } = parseCidr(cidr);
  const taken = new Set<number>();
  const count = size - RESERVED_FIRST - RESERVED_LAST;
  let next = 0;
  return {
    take() {
      if (taken.size >= count)
        throw new RuntimeError("ResourceExhausted", `No free address in the pod network ${cidr}`);
      while (taken.has(next)) next = (next + 1) % count;
      const offset = next;
      taken.add(offset);
      next = (next + 1) % count;
      return printAddress(base + RESERVED_FIRST + offset);
    },
    give(address) {
      taken.delete(parseAddress(address) - base - RESERVED_FIRST);
    },
  };
}

function parseCidr(cidr: string): { base: number; size: number } {
  const [, address = "", bits] = /^((?:\d{1,3}\.){3}\d{1,3})\/(\d{1,2})$/.exec(cidr) ?? [];
  const prefix = Number(bits);
  if (bits === undefined || prefix > 30 || prefix < 8)
    throw new RuntimeError(
      "InvalidArgument",
      `Cannot use ${cidr} as a pod network: not an IPv4 network of /8 to /30`,
    );
  const size = 2 ** (32 - prefix);
  const number = parseAddress(address);
  return { base: number - (number % size), size };
}

function parseAddress(address: string): number {
  return address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
}

function printAddress(number: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(number / 2 ** shift) % 256).join(".");
}
