/** Rules for keys that every backend keeps, and their order. @module */
import type { RangeOptions, Write } from "./store.ts";

/** UTF-8 bytes; what fits into an LMDB key together with a revision. */
export const KEY_BYTES_MAX = 1_536;

/** Above every character a key may hold. */
const LAST = "\u{10FFFF}";
// oxlint-disable-next-line no-control-regex -- these are what keys must not contain
const FORBIDDEN = /[\u0000-\u001f\u{10FFFF}]/u;

/** Throws a TypeError: a bad key is a mistake in the program, never of a user. */
export function checkWrites(writes: readonly Write[]): void {
  const [first, second] = writes;
  if (first !== undefined && second === undefined) return checkKey(first.key);
  const seen = new Set<string>();
  for (const { key } of writes) {
    checkKey(key);
    if (seen.has(key)) throw new TypeError(`a commit names ${key} twice`);
    seen.add(key);
  }
}

function checkKey(key: string): void {
  if (key === "" || FORBIDDEN.test(key) || !key.isWellFormed())
    throw new TypeError(`${JSON.stringify(key)} cannot be a key`);
  // A UTF-16 unit is at most three UTF-8 bytes: short keys need no counting.
  if (key.length * 3 > KEY_BYTES_MAX && Buffer.byteLength(key) > KEY_BYTES_MAX)
    throw new TypeError(`a key of ${Buffer.byteLength(key)} bytes; at most ${KEY_BYTES_MAX} are allowed`);
}

/** Byte order of the UTF-8 form, which is the order of code points. */
export function compareKeys(a: string, b: string): number {
  if (a === b) return 0;
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) return byCodePoint(x) - byCodePoint(y);
  }
  return a.length - b.length;
}

/** Surrogates stand for code points above U+FFFF, so they sort after the rest of the plane they are in. */
function byCodePoint(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}

/** The first string after every key with the prefix; undefined: no key lies behind them. */
export function prefixEnd(prefix: string): string | undefined {
  if (prefix === "") return undefined;
  const last = prefix.charCodeAt(prefix.length - 1);
  // The step from one ASCII character to the next is the same in every encoding.
  return last < 0x7f ? prefix.slice(0, -1) + String.fromCharCode(last + 1) : prefix + LAST;
}

/** The key after which a range begins, when it does not begin with the first key of its prefix. */
export function startOf({ prefix, startAfter }: RangeOptions): string | undefined {
  return startAfter !== undefined && compareKeys(startAfter, prefix) >= 0 ? startAfter : undefined;
}
