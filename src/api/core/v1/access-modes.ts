/** Access modes of volumes in the short form that columns show. @module */

const SHORT: readonly (readonly [mode: string, short: string])[] = [
  ["ReadWriteOnce", "RWO"],
  ["ReadOnlyMany", "ROX"],
  ["ReadWriteMany", "RWX"],
  ["ReadWriteOncePod", "RWOP"],
];

/** `RWO,ROX`, each mode once, in a fixed order. */
export function accessModes(modes: readonly string[] | undefined): string {
  return SHORT.filter(([mode]) => modes?.includes(mode))
    .map(([, short]) => short)
    .join(",");
}

export const ACCESS_MODES: readonly string[] = SHORT.map(([mode]) => mode);
