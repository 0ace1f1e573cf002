/** What the server serves now: the built-in kinds, and those that come and go with CustomResourceDefinitions. @module */
import { newScheme, type Scheme } from "#api";
import { isCustomKind, type CustomKind } from "./custom-kind.ts";

/** Something that is always up to date: ask for `scheme` again rather than keep it. */
export interface SchemeSource {
  readonly scheme: Scheme;
}

export interface KindsChange {
  readonly added: readonly CustomKind[];
  readonly removed: readonly CustomKind[];
}

/**
 * The one place that changes. Readers either look at `scheme`, which is another object after each change, or listen and
 * are told within the same turn.
 */
export class ServedKinds implements SchemeSource {
  readonly #builtin: Scheme;
  readonly #listeners: ((change: KindsChange) => void)[] = [];
  #custom: readonly CustomKind[] = [];
  #scheme: Scheme;

  constructor(builtin: Scheme) {
    this.#builtin = builtin;
    this.#scheme = builtin;
  }

  get scheme(): Scheme {
    return this.#scheme;
  }

  get custom(): readonly CustomKind[] {
    return this.#custom;
  }

  onChange(listener: (change: KindsChange) => void): void {
    this.#listeners.push(listener);
  }

  /** Built-in kinds win over custom ones of the same resource, as they do upstream. */
  replaceCustom(kinds: readonly CustomKind[]): void {
    const before = new Set(this.#custom);
    const own = kinds.filter(
      ({ group, version, names }) => this.#builtin.byResource(group, version, names.plural) === undefined,
    );
    const after = new Set(own);
    const added = own.filter((kind) => !before.has(kind));
    const removed = this.#custom.filter((kind) => !after.has(kind));
    if (added.length === 0 && removed.length === 0) return;
    this.#custom = own;
    this.#scheme = own.length === 0 ? this.#builtin : schemeWith(this.#builtin, own);
    for (const listener of this.#listeners) listener({ added, removed });
  }
}

/** Custom groups come after the built-in ones, by name. */
function schemeWith(builtin: Scheme, custom: readonly CustomKind[]): Scheme {
  const sorted = custom.toSorted((a, b) => (a.group < b.group ? -1 : a.group > b.group ? 1 : 0));
  const all = newScheme([...builtin.kinds, ...sorted]);
  return {
    ...all,
    storedAs: (kind) => (isCustomKind(kind) ? kind.custom.stored : builtin.storedAs(kind)),
    convert: (object, to) =>
      isCustomKind(to) ? (to.custom.fromStored?.(object) ?? object) : all.convert(object, to),
    applyDefaults: (object) => {
      const kind = all.kindOf(object);
      if (kind === undefined || !isCustomKind(kind)) return builtin.applyDefaults(object);
      return kind.custom.applyDefaults(object) as typeof object;
    },
  };
}
