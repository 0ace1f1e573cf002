/** For informers whose readers do not ask who set which field: half of what a pod takes in memory. @module */
import type { KubeObject } from "#apimachinery";

/** The object without its managedFields, for `transform`. An update that names none keeps those that are stored. */
export function trimManagedFields<T extends KubeObject>(object: T): T {
  if (object.metadata.managedFields === undefined) return object;
  const { managedFields: _managedFields, ...metadata } = object.metadata;
  return { ...object, metadata };
}
