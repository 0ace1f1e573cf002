/** What policies need of the server. @module */
import { notFound, type KubeObject } from "#apimachinery";
import type { Attributes } from "../plugin.ts";
import type { InvocationFacts } from "../webhook/invocation.ts";
import type { ParamFacts } from "./params.ts";

export interface PolicyFacts extends InvocationFacts, ParamFacts {}

const NAMESPACES = "core/namespaces";

/** The namespace of a request; of a namespace itself there is none. Throws NotFound. */
export async function namespaceOf(
  { namespace, resource }: Attributes,
  { lookup }: PolicyFacts,
): Promise<KubeObject | undefined> {
  if (namespace === "" || resource === NAMESPACES) return undefined;
  const found = lookup.get(NAMESPACES, "", namespace) ?? (await lookup.getLive(NAMESPACES, "", namespace));
  if (found === undefined) throw notFound({ group: "", resource: "namespaces" }, namespace);
  return found;
}
