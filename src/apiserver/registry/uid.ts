/** Random UUIDs (version 4). @module */

/** `random` is uniform in [0, 1). */
export function newUid(random: () => number): string {
  const a = word(random);
  // The version and the variant have their places in the second and third of four words.
  const b = (word(random) & 0xffff0fff) | 0x4000;
  const c = (word(random) & 0x3fffffff) | 0x80000000;
  const d = word(random);
  return `${hex(a >>> 16)}${hex(a)}-${hex(b >>> 16)}-${hex(b)}-${hex(c >>> 16)}-${hex(c)}${hex(d >>> 16)}${hex(d)}`;
}

function word(random: () => number): number {
  return Math.floor(random() * 0x1_0000_0000);
}

const BYTES: readonly string[] = Array.from({ length: 256 }, (_, i) => i.toString(16).padStart(2, "0"));

/** The low 16 bits. */
function hex(bits: number): string {
  return BYTES[(bits >>> 8) & 0xff]! + BYTES[bits & 0xff]!;
}
