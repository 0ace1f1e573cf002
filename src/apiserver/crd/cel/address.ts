/** IP addresses and ranges as numbers. Pure. @module */
import { isIP } from "node:net";

const BITS = { 4: 32, 6: 128 } as const;

export class Ip {
  readonly family: 4 | 6;
  readonly value: bigint;

  constructor(family: 4 | 6, value: bigint) {
    this.family = family;
    this.value = value;
  }

  static parse(text: string): Ip {
    const family = isIP(text);
    const isMapped = family === 6 && /[.]/.test(text);
    if (family === 0 || text.includes("%") || isMapped || /(^|\.)0\d/.test(family === 4 ? text : "")) {
      throw new Error(`IP Address ${JSON.stringify(text)} parse error during conversion from string`);
    }
    return new Ip(family as 4 | 6, family === 4 ? value4(text) : value6(text));
  }

  get isGlobalUnicast(): boolean {
    if (this.value === 0n) return false;
    if (this.family === 4 && this.value === 0xffff_ffffn) return false;
    return (
      !this.isIn("127.0.0.0/8", "::1/128") &&
      !this.isIn("224.0.0.0/4", "ff00::/8") &&
      !this.isIn("169.254.0.0/16", "fe80::/10")
    );
  }

  isIn(range4: string, range6: string): boolean {
    return Cidr.parse(this.family === 4 ? range4 : range6).containsIp(this);
  }

  toString(): string {
    return this.family === 4 ? text4(this.value) : text6(this.value);
  }
}

export class Cidr {
  readonly ip: Ip;
  readonly bits: number;

  constructor(ip: Ip, bits: number) {
    this.ip = ip;
    this.bits = bits;
  }

  static parse(text: string): Cidr {
    const [address = "", bits = "", ...rest] = text.split("/");
    const ip = isIp(address) ? Ip.parse(address) : undefined;
    if (
      ip === undefined ||
      rest.length > 0 ||
      !/^(0|[1-9]\d{0,2})$/.test(bits) ||
      Number(bits) > BITS[ip.family]
    ) {
      throw new Error(`network address parse error during conversion from string: ${JSON.stringify(text)}`);
    }
    return new Cidr(ip, Number(bits));
  }

  get masked(): Cidr {
    const shift = BigInt(BITS[this.ip.family] - this.bits);
    return new Cidr(new Ip(this.ip.family, (this.ip.value >> shift) << shift), this.bits);
  }

  containsIp(ip: Ip): boolean {
    const shift = BigInt(BITS[this.ip.family] - this.bits);
    return ip.family === this.ip.family && ip.value >> shift === this.ip.value >> shift;
  }

  containsCidr(other: Cidr): boolean {
    return other.bits >= this.bits && this.containsIp(other.masked.ip);
  }

  toString(): string {
    return `${this.ip.toString()}/${this.bits}`;
  }
}

export function isIp(text: string): boolean {
  return parses(() => Ip.parse(text));
}

export function isCidr(text: string): boolean {
  return parses(() => Cidr.parse(text));
}

function parses(parse: () => unknown): boolean {
  try {
    parse();
    return true;
  } catch {
    return false;
  }
}

function value4(text: string): bigint {
  return text.split(".").reduce((value, part) => value * 256n + BigInt(part), 0n);
}

function value6(text: string): bigint {
  const [head = "", tail] = text.split("::");
  const [before, after] = [groups(head), groups(tail)];
  const zeros = tail === undefined ? [] : Array.from({ length: 8 - before.length - after.length }, () => "0");
  return [...before, ...zeros, ...after].reduce((value, group) => value * 65_536n + BigInt(`0x${group}`), 0n);
}

function groups(part: string | undefined): readonly string[] {
  return part === undefined || part === "" ? [] : part.split(":");
}

function text4(value: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join(".");
}

/** As RFC 5952 has it: lower case, the longest run of zeros left out. */
function text6(value: bigint): string {
  const words = Array.from({ length: 8 }, (_, i) => ((value >> BigInt(112 - 16 * i)) & 0xffffn).toString(16));
  const runs = [...words.join(":").matchAll(/\b0(?::0)+\b/g)].map(([run]) => run);
  const longest = runs.toSorted((a, b) => b.length - a.length)[0];
  if (longest === undefined) return words.join(":");
  const [before, after] = splitOnce(words.join(":"), longest);
  return `${before.replace(/:$/, "")}::${after.replace(/^:/, "")}`;
}

function splitOnce(text: string, part: string): readonly [string, string] {
  const at = text.search(new RegExp(`\\b${part}\\b`));
  return [text.slice(0, at), text.slice(at + part.length)];
}
