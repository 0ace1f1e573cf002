/** Objects in the order in which they were made. Pure. @module */
import type { KubeObject } from "#apimachinery";

/** A text that is smaller for older objects; of one second, by name. */
export function creationOrder({ metadata }: KubeObject): string {
  return `${metadata.creationTimestamp ?? ""}|${metadata.name}`;
}
