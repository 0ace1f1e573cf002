/** Stored objects in the version in which somebody wants to see them. @module */
import type { KubeObject } from "#apimachinery";
import type { ServedResource } from "../../registry/served-resource.ts";
import type { Attributes } from "../plugin.ts";

/** A stored object as one of its versions shows it, in the namespace of the request; what is no such object stays as it is. */
export function inVersion(
  { fromStored, kind }: ServedResource,
  object: KubeObject | undefined,
  { namespace, objectKind }: Pick<Attributes, "namespace" | "objectKind">,
): KubeObject | undefined {
  if (object === undefined || objectKind !== undefined) return object;
  const shown = fromStored === undefined ? object : fromStored(object);
  if (kind.scope !== "Namespaced" || shown.metadata.namespace !== undefined) return shown;
  return { ...shown, metadata: { ...shown.metadata, namespace } };
}
