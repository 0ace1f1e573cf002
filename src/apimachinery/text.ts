/** Sizes and orders of strings as Go has them: bytes of UTF-8. @module */

const encoder = new TextEncoder();

/** Bytes of `text` in UTF-8. */
export function byteLength(text: string): number {
  for (let i = 0; i < text.length; i++) {
    if (text.charCodeAt(i) > 0x7f) return encoder.encode(text).length;
  }
  return text.length;
}

/** Order of Go's `<` on strings (UTF-8 bytes, which is the order of code points). */
export function compareStrings(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x === y) continue;
    // Surrogates stand for code points above every other unit.
    const surrogateX = x >= 0xd800 && x <= 0xdfff;
    const surrogateY = y >= 0xd800 && y <= 0xdfff;
    if (surrogateX !== surrogateY) return surrogateX ? 1 : -1;
    return x < y ? -1 : 1;
  }
  return a.length - b.length;
}

const HIGH = /[\ud800-\uffff]/;

/** Whether JavaScript's `<` is Go's among strings that are all so: it compares units, and only from surrogates on they differ from code points. */
export function isOrderedAlike(text: string): boolean {
  return !HIGH.test(text);
}

/** A sorted copy, in Go's order. */
export function sorted(strings: Iterable<string>): string[] {
  return [...strings].toSorted(compareStrings);
}
