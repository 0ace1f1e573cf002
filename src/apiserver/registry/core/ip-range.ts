/** Addresses of an IPv4 range as numbers. Pure. @module */

export interface IpRange {
  readonly cidr: string;
  /** The network address. */
  readonly base: number;
  /** Addresses in the range, network and broadcast included. */
  readonly size: number;
}

const IPV4 = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/;

/** Throws for anything that is no IPv4 CIDR. */
export function parseIpRange(cidr: string): IpRange {
  const [address = "", bits = ""] = cidr.split("/");
  const ip = parseIpv4(address);
  const prefix = Number(bits);
  if (ip === undefined || !/^\d{1,2}$/.test(bits) || prefix > 32) {
    throw new Error(
      `invalid service CIDR ${JSON.stringify(cidr)}: an IPv4 range like 10.96.0.0/12 is needed`,
    );
  }
  const size = 2 ** (32 - prefix);
  return { cidr, base: ip - (ip % size), size };
}

export function parseIpv4(text: string): number | undefined {
  const match = IPV4.exec(text);
  if (match === null) return undefined;
  const octets = match.slice(1).map(Number);
  if (octets.some((octet) => octet > 255)) return undefined;
  return octets.reduce((sum, octet) => sum * 256 + octet, 0);
}

export function formatIpv4(ip: number): string {
  return `${Math.floor(ip / 2 ** 24)}.${(ip >>> 16) & 255}.${(ip >>> 8) & 255}.${ip & 255}`;
}

/** The address that the `kubernetes` Service has. */
export function firstServiceIp(range: IpRange): string {
  return formatIpv4(range.base + 1);
}

/** Neither the network address nor the broadcast address is anybody's. */
export function holds({ base, size }: IpRange, ip: number): boolean {
  return ip > base && ip < base + size - 1;
}
