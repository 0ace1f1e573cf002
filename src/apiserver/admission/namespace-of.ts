/** The namespace of a request, also when it was created a moment ago. @module */
import { notFound, type KubeObject } from "#apimachinery";
import type { ObjectLookup } from "./object-lookup.ts";

const NAMESPACES = "core/namespaces";

/** Rejects with NotFound. */
export async function namespaceOf(lookup: ObjectLookup, name: string): Promise<KubeObject> {
  const found = lookup.get(NAMESPACES, "", name) ?? (await lookup.getLive(NAMESPACES, "", name));
  if (found === undefined) throw notFound({ group: "", resource: "namespaces" }, name);
  return found;
}
