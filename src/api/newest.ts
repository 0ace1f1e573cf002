/** The choice among several defaults of a cluster. Pure. @module */
import { compareStrings, type KubeObject } from "#apimachinery";

/** The object that was created last; of those of one second the first by name. */
export function newest<T extends KubeObject>(objects: readonly T[]): T | undefined {
  return objects.toSorted(
    ({ metadata: a }, { metadata: b }) =>
      compareStrings(b.creationTimestamp ?? "", a.creationTimestamp ?? "") || compareStrings(a.name, b.name),
  )[0];
}
