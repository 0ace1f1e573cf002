/** Which clients with session affinity a new table remembers, and where it sends them: those of the table before it. @module */
import { AffinityListing } from "./nftables/affinity-listing.ts";
import { slotText } from "./nftables/dialect.ts";
import type { NftRunner } from "./nftables/nft-runner.ts";

/** One element of a map of clients. */
export interface KeptClient {
  readonly map: string;
  readonly element: string;
}

export interface KeptClients {
  readonly clients: Iterable<KeptClient>;
  /** How many were too many to be kept. */
  readonly left: number;
}

/** Map of clients -> endpoints and their slots, in the new table. */
export type Affinities = ReadonlyMap<string, ReadonlyMap<string, number>>;

/**
 * Asks the kernel what `table` holds; rejects if it is gone. A client whose map or endpoint the new table has not is forgotten, and
 * one that comes to `table` for the first time after this, too.
 */
export async function readClients(
  nft: Pick<NftRunner, "list">,
  table: string,
  affinities: Affinities,
  signal: AbortSignal,
): Promise<KeptClients> {
  const listing = new AffinityListing(new Set(affinities.keys()));
  await nft.list(table, (line) => listing.take(line), signal);
  return { clients: translate(listing, affinities), left: listing.left };
}

/** Tables number endpoints each in its own way. */
function* translate(listing: AffinityListing, affinities: Affinities): Generator<KeptClient, void> {
  for (const [map, clients] of listing.clients) {
    const slots = affinities.get(map)!;
    for (const { ip, expires, slot: before } of clients) {
      const slot = slots.get(listing.endpoints.get(before) ?? "");
      if (slot !== undefined) yield { map, element: `${ip} expires ${expires} : ${slotText(slot)}` };
    }
  }
}
