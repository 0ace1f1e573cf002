/** Kinds whose writers of status may change nothing but the status; upstream's `ResetObjectMetaForStatus`. @module */
import type { KubeObject } from "#apimachinery";

/** The stored metadata, with what says who wrote the status. */
export function keepMetadata<T extends KubeObject>(object: T, old: T): T {
  const { managedFields } = object.metadata;
  return { ...object, metadata: { ...old.metadata, ...(managedFields !== undefined && { managedFields }) } };
}
