/** Reads in nft's listing of a table whom clients with session affinity were sent to, and for how long that is remembered. @module */
import { canonical } from "../addresses.ts";
import { AFFINITY_SLOTS } from "./objects.ts";

export interface RememberedClient {
  readonly ip: string;
  /** The time left, as nft writes it: `2h59m58s204ms`. */
  readonly expires: string;
  /** As nft writes a priority. */
  readonly slot: string;
}

/** Further ones are forgotten: to read and write so many takes nft seconds. */
export const CLIENTS_KEPT_MAX: number = 1 << 18;

const BEGIN = /^\s*(?:map|set|chain) (\S+) \{/;
const SLOT = /([0-9a-f]+:[0-9a-f]+) : (\S+) \. (\d+)/g;
const CLIENT = /(\S+)(?: timeout \S+)? expires (\S+) : ([0-9a-f]+:[0-9a-f]+)/g;

export class AffinityListing {
  /** Slot -> endpoint, as elements of maps name it. */
  readonly endpoints: Map<string, string> = new Map();
  /** By names of maps. */
  readonly clients: Map<string, RememberedClient[]> = new Map();
  readonly #wanted: ReadonlySet<string>;
  #object = "";
  #kept = 0;
  #left = 0;

  /** `wanted`: names of maps of clients. */
  constructor(wanted: ReadonlySet<string>) {
    this.#wanted = wanted;
  }

  /** Clients that were too many. */
  get left(): number {
    return this.#left;
  }

  take(line: string): void {
    const begin = BEGIN.exec(line);
    if (begin !== null) this.#object = begin[1]!;
    else if (this.#object === AFFINITY_SLOTS)
      for (const [, slot = "", ip = "", port = ""] of line.matchAll(SLOT))
        this.endpoints.set(slot, `${canonical(ip)} . ${port}`);
    else if (this.#wanted.has(this.#object))
      for (const [, ip = "", expires = "", slot = ""] of line.matchAll(CLIENT))
        this.#remember({ ip, expires, slot });
  }

  #remember(client: RememberedClient): void {
    if (this.#kept >= CLIENTS_KEPT_MAX) {
      this.#left++;
      return;
    }
    this.#kept++;
    const clients = this.clients.get(this.#object);
    if (clients === undefined) this.clients.set(this.#object, [client]);
    else clients.push(client);
  }
}
