/** Which ranges of user and group ids belong to which pod; pure bookkeeping, rules and words are upstream's. @module */

/** The smallest range a pod may have, and what every range is a multiple of. */
export const USERNS_UNIT = 65_536;
const IDS = 2 ** 32;

export interface IdSpace {
  readonly firstId: number;
  readonly length: number;
}

export interface IdRangesOptions extends IdSpace {
  readonly idsPerPod: number;
  readonly maxPods: number;
}

/** All ids but those of the machine's own users. */
export function defaultIdSpace(idsPerPod: number): IdSpace {
  return { firstId: idsPerPod, length: IDS - idsPerPod };
}

/** One line of `getsubids`: `0: kubelet 65536 2147483648`. */
export function parseSubIds(output: string): IdSpace {
  const lines = output.replace(/^\n+|\n+$/gu, "").split("\n");
  if (lines.length !== 1)
    throw new Error(`error parsing line ${quoted(output)}: it must contain only one line`);
  const parts = lines[0]!.trim().split(/\s+/u);
  if (parts.length !== 4) throw new Error(`invalid line ${quoted(lines[0]!)}`);
  const [firstId, length] = parts.slice(2).map((text) => {
    const value = Number(text);
    if (/^\d+$/u.test(text) && value < IDS) return value;
    throw new Error(`error parsing line ${quoted(output)}: ${quoted(text)} is not an id`);
  }) as [number, number];
  return { firstId, length };
}

export class IdRanges {
  readonly #options: IdRangesOptions;
  readonly #byUid = new Map<string, number>();
  readonly #taken = new Set<number>();
  /** No index below it is free. */
  #low = 0;

  /** Throws when the space cannot be cut into ranges for all pods. */
  constructor(options: IdRangesOptions) {
    const { firstId, length, idsPerPod, maxPods } = options;
    const id = `kubelet user assigned ID ${firstId}`;
    const ids = `kubelet user assigned IDs`;
    if (idsPerPod % USERNS_UNIT !== 0)
      throw new Error(`kubelet user namespace length ${idsPerPod} is not a multiple of ${USERNS_UNIT}`);
    if (firstId % idsPerPod !== 0) throw new Error(`${id} is not a multiple of ${idsPerPod}`);
    if (firstId < idsPerPod) throw new Error(`${id} must be greater or equal to ${idsPerPod}`);
    if (length % idsPerPod !== 0)
      throw new Error(`${ids} length ${length} is not a multiple of ${idsPerPod}`);
    if (length / idsPerPod < maxPods) throw new Error(`${ids} are not enough to support ${maxPods} pods`);
    this.#options = options;
  }

  get idsPerPod(): number {
    return this.#options.idsPerPod;
  }

  /** The first id of a range that nobody has. */
  allocate(uid: string): number {
    const { firstId, length, idsPerPod } = this.#options;
    while (this.#taken.has(this.#low)) this.#low += 1;
    if (this.#low >= length / idsPerPod)
      throw new Error("could not find an empty slot to allocate a user namespace");
    const from = firstId + this.#low * idsPerPod;
    this.#take(uid, from, this.#low);
    return from;
  }

  /** A range that the pod had before. */
  record(uid: string, from: number, length: number): void {
    const { firstId, idsPerPod } = this.#options;
    if (length !== idsPerPod) throw new Error(`wrong user namespace length ${length}`);
    if (from % idsPerPod !== 0) throw new Error(`wrong user namespace offset specified ${from}`);
    const known = this.#byUid.get(uid);
    if (known === from) return;
    if (known !== undefined)
      throw new Error(`different user namespace range already used by pod ${quoted(uid)}`);
    const index = (from - firstId) / idsPerPod;
    if (index < 0 || index >= this.#options.length / idsPerPod) throw new Error(`id ${from} is out of range`);
    if (this.#taken.has(index)) throw new Error(`range picked for pod ${quoted(uid)} already taken`);
    this.#take(uid, from, index);
  }

  has(uid: string): boolean {
    return this.#byUid.has(uid);
  }

  release(uid: string): void {
    const from = this.#byUid.get(uid);
    if (from === undefined) return;
    const index = (from - this.#options.firstId) / this.#options.idsPerPod;
    this.#byUid.delete(uid);
    this.#taken.delete(index);
    this.#low = Math.min(this.#low, index);
  }

  #take(uid: string, from: number, index: number): void {
    this.#byUid.set(uid, from);
    this.#taken.add(index);
  }
}

function quoted(text: string): string {
  return JSON.stringify(text);
}
