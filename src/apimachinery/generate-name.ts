/** Names and suffixes that the system makes up, over an alphabet that spells no words. @module */

const ALPHABET = "bcdfghjklmnpqrstvwxz2456789";
const SUFFIX_LENGTH = 5;
/** A generated name fits into a DNS label. */
const BASE_LENGTH_MAX = 63 - SUFFIX_LENGTH;

/** A number in [0, 1), like `Math.random`. */
export type Random = () => number;

/** `web-` becomes something like `web-x7k2p`; a base that is too long is cut. */
export function generateName(base: string, random: Random): string {
  return base.slice(0, BASE_LENGTH_MAX) + randomSuffix(SUFFIX_LENGTH, random);
}

export function randomSuffix(length: number, random: Random): string {
  let suffix = "";
  for (let i = 0; i < length; i++) suffix += ALPHABET[Math.floor(random() * ALPHABET.length)]!;
  return suffix;
}

/** Maps a hash to the same alphabet: how `pod-template-hash` is written. */
export function safeEncodeString(text: string): string {
  let encoded = "";
  for (let i = 0; i < text.length; i++) encoded += ALPHABET[text.charCodeAt(i) % ALPHABET.length]!;
  return encoded;
}
