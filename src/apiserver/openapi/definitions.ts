/** Which definitions a document needs, and what they look like. @module */
import type { GroupVersionKind } from "#apimachinery";
import { allDefinitions, groupVersions, type StructFacts } from "#api";
import { isCustomKind } from "../registry/custom-kind.ts";
import { yieldToLoop } from "../watchcache/watch-cache.ts";
import { customDefinition } from "./custom-definitions.ts";
import { plainDefinitions } from "./plain-definitions.ts";
import type { Prose, ProseSource } from "./prose.ts";
import { referencesOf, schemaObject, type Dialect, type SchemaObject } from "./schema-object.ts";

const META = "io.k8s.apimachinery.pkg.apis.meta.v1.";
/** Types of metav1 that every group-version has as a kind of its own. */
const SHARED_KINDS: ReadonlySet<string> = new Set([`${META}DeleteOptions`, `${META}WatchEvent`]);

let byName: ReadonlyMap<string, StructFacts> | undefined;

function structs(): ReadonlyMap<string, StructFacts> {
  return (byName ??= new Map(allDefinitions().map((struct) => [struct.definition, struct])));
}

/** Unpacks the facts folder by folder, so that the first document does not hold the event loop for all of them. */
export async function prepareDefinitions(): Promise<void> {
  if (byName !== undefined) return;
  for (const folder of ["meta/v1", ...groupVersions().map((facts) => facts.folder)]) {
    allDefinitions(folder);
    await yieldToLoop();
  }
}

/** Name of the definition of a kind; undefined when it has none (PodExecOptions). */
export function definitionOfKind(gvk: GroupVersionKind): string | undefined {
  if (isCustomKind(gvk)) return customDefinition(gvk);
  kindDefinitions ??= new Map(
    [...structs().values()].flatMap(({ gvk: own, definition }) =>
      // The kinds of metav1 are v1 as those of core are, and are asked for by their definition.
      own === undefined || definition.startsWith(META) ? [] : [[gvkKey(own), definition] as const],
    ),
  );
  return kindDefinitions.get(gvkKey(gvk));
}

let kindDefinitions: ReadonlyMap<string, string> | undefined;

/** `roots` and all that they refer to, sorted. */
export function closureOf(roots: Iterable<string>): readonly string[] {
  const found = new Set<string>();
  const open = [...roots];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (found.has(name)) continue;
    found.add(name);
    const struct = structs().get(name);
    if (struct !== undefined) open.push(...referencesOf(struct));
  }
  return [...found].toSorted();
}

/** Throws for a name that nobody knows: it would be a reference into nothing. */
export async function definitionObject(
  name: string,
  dialect: Dialect,
  prose?: ProseSource,
): Promise<SchemaObject> {
  const struct = structs().get(name);
  const said = prose && (await (dialect === "v2" ? proseOf(name, struct, prose) : prose.of(name)));
  if (struct !== undefined) return schemaObject(struct, dialect, kindsOf(struct), said);
  const plain = plainDefinitions(dialect).get(name);
  if (plain === undefined) throw new Error(`openapi: no definition ${name}`);
  return said === undefined ? plain : { description: said.text, ...plain };
}

/** A field of which nothing is said is described by its type; readers of version 3 follow the reference themselves. */
async function proseOf(
  name: string,
  struct: StructFacts | undefined,
  source: ProseSource,
): Promise<Prose | undefined> {
  const said = await source.of(name);
  if (said === undefined || struct === undefined) return said;
  const fields = new Map(said.fields);
  for (const field of struct.fields.values()) {
    const { schema } = field;
    if (fields.has(field.name) || schema.type !== "struct") continue;
    const text = (await source.of((schema as StructFacts).definition))?.text ?? "";
    if (text !== "") fields.set(field.name, text);
  }
  return { text: said.text, fields };
}

function kindsOf({ definition, gvk, name }: StructFacts): readonly GroupVersionKind[] {
  if (gvk !== undefined) return [gvk];
  if (!SHARED_KINDS.has(definition)) return [];
  return groupVersions()
    .map(({ group, version }) => ({ group, version, kind: name }))
    .toSorted((a, b) => (gvkKey(a) < gvkKey(b) ? -1 : 1));
}

function gvkKey({ group, version, kind }: GroupVersionKind): string {
  return `${group}/${version}/${kind}`;
}
