/** Counts of a status as they stand on the wire. @module */

/** Zero counts are left out, as clients know it of Kubernetes. */
export function nonZero(counts: Readonly<Record<string, number>>): Readonly<Record<string, number>> {
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count !== 0));
}
