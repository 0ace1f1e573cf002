/** What one transaction may touch: its script, what services share, and the slots of endpoints. @module */
import type { NftObject, ObjectOptions } from "./objects.ts";
import { SLOT_MAX, SLOT_MIN } from "./dialect.ts";
import { Script } from "./script.ts";
import { SharedObjects } from "./shared-objects.ts";

/** Lives as long as a table: it knows what the table has. */
export class TableContent {
  readonly objects: SharedObjects = new SharedObjects();
  readonly options: ObjectOptions;
  #nextSlot = SLOT_MIN;

  constructor(options: ObjectOptions) {
    this.options = options;
  }

  /** Never the same twice. Throws when there are no more: then the table must be written anew. */
  takeSlot(): number {
    if (this.#nextSlot > SLOT_MAX) throw new Error("every slot for endpoints with session affinity was used");
    return this.#nextSlot++;
  }
}

export class Transaction {
  readonly script: Script;
  readonly content: TableContent;
  readonly #released: NftObject[] = [];

  constructor(content: TableContent, table: string) {
    this.content = content;
    this.script = new Script(table);
  }

  use(object: NftObject): void {
    this.content.objects.use(object, this.script);
  }

  /** Takes effect at the end: something else may need it by then. */
  release(object: NftObject): void {
    this.#released.push(object);
  }

  /** The whole text; "" if nothing differs. */
  end(): string {
    for (const object of this.#released.splice(0)) this.content.objects.release(object, this.script);
    return this.script.render();
  }
}
