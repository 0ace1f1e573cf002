/**
 * Comparing and hashing parts of objects, independent of the order of their keys.
 * @module
 */

/** rand.SafeEncodeString's alphabet: no vowels and no look-alikes, so that hashes spell no words. */
const SAFE_ALPHABET = "bcdfghjklmnpqrstvwxz2456789";

/** JSON with sorted keys; what is absent and what is null count as the same. */
export function canonicalJSON(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) => {
    if (inner === null) return undefined;
    if (typeof inner !== "object" || Array.isArray(inner)) return inner;
    return Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  });
}

/** Whether the `canonicalJSON` of both is the same. Made for statuses that are compared at every reconcile: it builds no text. */
export function equalJSON(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (isAbsent(a) || isAbsent(b)) return isAbsent(a) && isAbsent(b);
  if (typeof a !== "object" || typeof b !== "object") return false;
  if (Array.isArray(a) || Array.isArray(b)) {
    if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false;
    return a.every((item, i) => equalJSON(item, b[i]));
  }
  return isWithin(a as Fields, b as Fields, equalJSON) && isWithin(b as Fields, a as Fields, () => true);
}

type Fields = Readonly<Record<string, unknown>>;

/** Every field of `a` is in `b`, where `compare` says that it is the same. */
function isWithin(a: Fields, b: Fields, compare: (a: unknown, b: unknown) => boolean): boolean {
  for (const key of Object.keys(a)) {
    const other = Object.hasOwn(b, key) ? b[key] : undefined;
    if (!isAbsent(a[key]) && (isAbsent(other) || !compare(a[key], other))) return false;
  }
  return true;
}

function isAbsent(value: unknown): value is null | undefined {
  return value === undefined || value === null;
}

/** FNV-1a, 32 bits, over the UTF-8 bytes of `text`. */
export function fnv32a(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) {
    hash = Math.imul(hash ^ byte, 0x01000193);
  }
  return hash >>> 0;
}

/** Each character of `text` replaced by one that is safe in a name. */
export function safeEncode(text: string): string {
  return Array.from(text, (c) => SAFE_ALPHABET[c.charCodeAt(0) % SAFE_ALPHABET.length]).join("");
}

/**
 * The `pod-template-hash` of a template. Deterministic, but not bit for bit upstream's, which hashes Go's printing
 * of the struct; nothing may depend on its value, only on its staying the same.
 */
export function templateHash(template: unknown, collisionCount: number | undefined): string {
  const suffix = collisionCount === undefined ? "" : `#${collisionCount}`;
  return safeEncode(String(fnv32a(canonicalJSON(template) + suffix)));
}
