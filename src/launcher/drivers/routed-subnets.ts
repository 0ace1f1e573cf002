/** Which IPv4 ranges this machine already routes, so that a cluster's bridge takes none of them. @module */

export interface Route {
  readonly interfaceName: string;
  /** As a number, most significant byte first. */
  readonly destination: number;
  readonly prefixLength: number;
}

/** Wider routes are somebody's default of sorts (a VPN's 10.0.0.0/8): a /24 of ours is more specific and lives beside them. */
const PREFIX_LENGTH_MIN = 17;

/** Reads `/proc/net/route`, which shows interfaces without a carrier too. */
export function parseRoutes(text: string): readonly Route[] {
  return text
    .split("\n")
    .slice(1)
    .flatMap((line) => {
      const [interfaceName, destination, , , , , , mask] = line.trim().split(/\s+/);
      if (interfaceName === undefined || destination === undefined || mask === undefined) return [];
      return [{ interfaceName, destination: fromHex(destination), prefixLength: ones(fromHex(mask)) }];
    });
}

/** The interface whose route overlaps `address`/`prefixLength`; routes of `own` do not count. */
export function interfaceOf(
  routes: readonly Route[],
  address: string,
  prefixLength: number,
  own?: string,
): string | undefined {
  const wanted = address.split(".").reduce((sum, byte) => sum * 256 + Number(byte), 0);
  return routes.find((route) => {
    if (route.interfaceName === own || route.prefixLength < PREFIX_LENGTH_MIN) return false;
    const size = 2 ** (32 - Math.min(route.prefixLength, prefixLength));
    return Math.floor(route.destination / size) === Math.floor(wanted / size);
  })?.interfaceName;
}

/** The kernel prints the bytes of an address in the order of this machine's numbers: the last one first. */
function fromHex(text: string): number {
  const bytes = text.match(/../g) ?? [];
  return bytes.reduceRight((sum, byte) => sum * 256 + Number.parseInt(byte, 16), 0);
}

function ones(mask: number): number {
  return mask.toString(2).replaceAll("0", "").length;
}
