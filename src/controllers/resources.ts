/** The kinds that garbage collection and namespace deletion know of. @module */
import type { Kind, Verb } from "#apimachinery";
import { apiVersionOf } from "#apimachinery";
import { builtinKinds } from "#api";

/** Kinds by what they can do. The built-in ones never change; ones from discovery would. */
export interface ResourceSource {
  /** Every resource once (not once per version) that supports all of `verbs`. */
  readonly supporting: (...verbs: readonly Verb[]) => readonly Kind[];
  /** The kind that an owner reference names; undefined: nothing of that kind is served. */
  readonly mapping: (apiVersion: string, kind: string) => Kind | undefined;
}

/** The first version listed of a resource is the one that is used. */
export function staticResources(kinds: readonly Kind[] = builtinKinds): ResourceSource {
  const preferred = new Map<string, Kind>();
  const byName = new Map<string, Kind>();
  for (const kind of kinds) {
    const resource = `${kind.names.plural}.${kind.group}`;
    if (!preferred.has(resource)) preferred.set(resource, kind);
    byName.set(`${apiVersionOf(kind)}/${kind.kind}`, preferred.get(resource)!);
  }
  return {
    supporting: (...verbs) =>
      [...preferred.values()].filter((kind) => verbs.every((verb) => supports(kind, verb))),
    mapping: (apiVersion, kind) => byName.get(`${apiVersion}/${kind}`),
  };
}

export function supports(kind: Kind, verb: Verb): boolean {
  return kind.verbs === undefined || kind.verbs.includes(verb);
}
