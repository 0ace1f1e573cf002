/** One transaction while it is written: lines in an order that nft accepts, what is referred to made first and removed last. @module */
import type { NftObject } from "./objects.ts";

const SEPARATOR = " , ";
const OPEN_MAX = 500;

export class Script {
  readonly #table: string;
  readonly #made: string[] = [];
  /** Map or set -> elements. */
  readonly #deleted = new Map<string, Elements>();
  readonly #added = new Map<string, Elements>();
  readonly #removed: string[] = [];
  #size = 0;

  constructor(table: string) {
    this.#table = table;
  }

  /** Lines and elements so far. */
  get size(): number {
    return this.#size;
  }

  make({ kind, name, declaration, rules }: NftObject): void {
    const body = declaration === undefined ? "" : ` { ${declaration} ; }`;
    this.#made.push(`add ${kind} ${this.#table} ${name}${body}`);
    for (const rule of rules) this.#made.push(`add rule ${this.#table} ${name} ${rule}`);
    this.#size += 1 + rules.length;
  }

  remove({ kind, name }: NftObject): void {
    if (kind === "chain") this.#removed.push(`flush chain ${this.#table} ${name}`);
    this.#removed.push(`delete ${kind} ${this.#table} ${name}`);
    this.#size += 2;
  }

  /** Deletions come before additions, so a key may get another value. */
  add(set: string, element: string): void {
    push(this.#added, set, element);
    this.#size += 1;
  }

  delete(set: string, key: string): void {
    push(this.#deleted, set, key);
    this.#size += 1;
  }

  /** "" if there is nothing to do. */
  render(): string {
    const lines = [
      ...this.#made,
      ...this.#elements("delete", this.#deleted),
      ...this.#elements("add", this.#added),
      ...this.#removed,
    ];
    return lines.length === 0 ? "" : `${lines.join("\n")}\n`;
  }

  #elements(verb: string, sets: ReadonlyMap<string, Elements>): readonly string[] {
    return [...sets].map(([set, { done, open }]) => {
      const elements = [...done, ...open].join(SEPARATOR);
      return `${verb} element ${this.#table} ${set} { ${elements} }`;
    });
  }
}

/** Joined as they come: to join those of a large service at the end would hold the event loop. */
interface Elements {
  readonly done: string[];
  /** At most `OPEN_MAX`. */
  open: string[];
}

function push(sets: Map<string, Elements>, set: string, element: string): void {
  const list = sets.get(set);
  if (list === undefined) {
    sets.set(set, { done: [], open: [element] });
    return;
  }
  list.open.push(element);
  if (list.open.length < OPEN_MAX) return;
  list.done.push(list.open.join(SEPARATOR));
  list.open = [];
}
