/** Reading a map by a name that a user chose. @module */

/** The value at `key`, and undefined for what every object inherits (`constructor`, `toString`). */
export function ownValue<T>(map: Readonly<Record<string, T>> | undefined, key: string): T | undefined {
  return map !== undefined && Object.hasOwn(map, key) ? map[key] : undefined;
}
