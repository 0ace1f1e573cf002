/** IP addresses and ranges as numbers. Pure. @module */
import { quote } from "../../quote.ts";
import { opaque, type CelType } from "../types.ts";
import { CelError, NamedValue } from "../values.ts";

const BITS = { 4: 32, 6: 128 } as const;
const IP: CelType = opaque("net.IP");
const CIDR: CelType = opaque("net.CIDR");

export class Ip extends NamedValue {
  readonly family: 4 | 6;
  readonly value: bigint;

  constructor(family: 4 | 6, value: bigint) {
    super();
    this.family = family;
    this.value = value;
  }

  /** Throws CelError. */
  static parse(text: string): Ip {
    const [address = "", zone] = text.split("%", 2);
    const ip = text.includes(":") ? parse6(address) : parse4(text);
    if (ip === undefined) {
      throw new CelError(
        `IP Address ${quote(text)} parse error during conversion from string: ParseAddr(${quote(text)}): unable to parse IP`,
      );
    }
    if (zone !== undefined) throw new CelError(`IP address ${quote(text)} with zone value is not allowed`);
    if (ip.family === 6 && ip.value >> 32n === 0xffffn) {
      throw new CelError(`IPv4-mapped IPv6 address ${quote(text)} is not allowed`);
    }
    return ip;
  }

  override get celType(): CelType {
    return IP;
  }

  get byteCount(): number {
    return BITS[this.family] / 8;
  }

  equals(other: NamedValue): boolean {
    return other instanceof Ip && other.family === this.family && other.value === this.value;
  }

  get isGlobalUnicast(): boolean {
    if (this.value === 0n || (this.family === 4 && this.value === 0xffff_ffffn)) return false;
    return (
      !this.isIn("127.0.0.0/8", "::1/128") &&
      !this.isIn("224.0.0.0/4", "ff00::/8") &&
      !this.isIn("169.254.0.0/16", "fe80::/10")
    );
  }

  isIn(range4: string, range6: string): boolean {
    return Cidr.parse(this.family === 4 ? range4 : range6).containsIp(this);
  }

  override toString(): string {
    return this.family === 4 ? text4(this.value) : text6(this.value);
  }
}

export class Cidr extends NamedValue {
  readonly ip: Ip;
  readonly bits: number;

  constructor(ip: Ip, bits: number) {
    super();
    this.ip = ip;
    this.bits = bits;
  }

  /** Throws CelError. */
  static parse(text: string): Cidr {
    const slash = text.lastIndexOf("/");
    const [address, bits] = [text.slice(0, Math.max(0, slash)), text.slice(slash + 1)];
    const isNumber = slash > 0 && /^(0|[1-9]\d{0,2})$/.test(bits);
    const ip = isNumber && isIp(address) ? Ip.parse(address) : undefined;
    if (ip === undefined || Number(bits) > BITS[ip.family]) {
      throw new CelError(
        `network address parse error during conversion from string: netip.ParsePrefix(${quote(text)}): invalid prefix`,
      );
    }
    return new Cidr(ip, Number(bits));
  }

  override get celType(): CelType {
    return CIDR;
  }

  equals(other: NamedValue): boolean {
    return other instanceof Cidr && other.bits === this.bits && other.ip.equals(this.ip);
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

  override toString(): string {
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
  } catch (err) {
    if (err instanceof CelError) return false;
    throw err;
  }
}

/** Four decimal numbers without leading zeros. */
function parse4(text: string): Ip | undefined {
  const parts = text.split(".");
  const isGood =
    parts.length === 4 && parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256);
  return isGood
    ? new Ip(
        4,
        parts.reduce((value, part) => value * 256n + BigInt(part), 0n),
      )
    : undefined;
}

function parse6(text: string): Ip | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const [before, after] = halves.map(words);
  if (before === undefined || (halves.length === 2 && after === undefined)) return undefined;
  const missing = 8 - before.length - (after?.length ?? 0);
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  const all = [...before, ...Array.from({ length: missing }, () => 0n), ...(after ?? [])];
  return new Ip(
    6,
    all.reduce((value, word) => value * 65_536n + word, 0n),
  );
}

/** Words of 16 bits; the last two may be written as an IPv4 address. Undefined when they are none. */
function words(part: string): readonly bigint[] | undefined {
  if (part === "") return [];
  const groups = part.split(":");
  const last = groups.at(-1)!;
  const tail = last.includes(".") ? parse4(last) : undefined;
  const plain = tail === undefined ? groups : groups.slice(0, -1);
  if (!plain.every((group) => /^[0-9a-fA-F]{1,4}$/.test(group))) return undefined;
  const numbers = plain.map((group) => BigInt(`0x${group}`));
  return tail === undefined ? numbers : [...numbers, tail.value >> 16n, tail.value & 0xffffn];
}

function text4(value: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join(".");
}

/** As RFC 5952 has it: lower case, the longest run of zeros left out. */
function text6(value: bigint): string {
  const all = Array.from({ length: 8 }, (_, i) => (value >> BigInt(112 - 16 * i)) & 0xffffn);
  let best = { start: 0, length: 1 };
  for (let start = 0; start < 8; start++) {
    let length = 0;
    while (all[start + length] === 0n) length++;
    if (length > best.length) best = { start, length };
  }
  if (best.length < 2) return hex(all);
  return `${hex(all.slice(0, best.start))}::${hex(all.slice(best.start + best.length))}`;
}

function hex(words16: readonly bigint[]): string {
  return words16.map((word) => word.toString(16)).join(":");
}
