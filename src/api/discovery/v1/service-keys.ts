/** Which Service an EndpointSlice is of: the index by which slices are found. @module */
import type { ObjectKey } from "#apimachinery";
import type { EndpointSlice } from "./types.gen.ts";

export const SERVICE_NAME_LABEL = "kubernetes.io/service-name";

/** One key, or none for a slice of no Service. */
export function serviceKeysOf({ metadata }: EndpointSlice): readonly ObjectKey[] {
  const name = metadata.labels?.[SERVICE_NAME_LABEL] ?? "";
  return name === "" ? [] : [`${metadata.namespace}/${name}`];
}
