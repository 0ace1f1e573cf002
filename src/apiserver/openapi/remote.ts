/** What other API servers add to OpenAPI, and how their definitions find room beside the server's own. @module */
import { isDeepStrictEqual } from "node:util";
import { renameDefinitions, type OpenApiPart } from "../aggregation/openapi-v2-part.ts";
import type { ApiRequest, Result } from "../handlers/request.ts";
import { yieldToLoop } from "../watchcache/watch-cache.ts";
import { definitionEntries, pathEntries, type DocumentSource, type Entry } from "./document.ts";
import type { SchemaObject } from "./schema-object.ts";

/** The group-versions of other API servers. */
export interface RemoteOpenApi {
  /** Another number when something below would tell something else. */
  readonly generation: () => number;
  /** Keys of `/openapi/v3` -> their URL, with the hash that its server gave it. */
  readonly v3: () => ReadonlyMap<string, string>;
  readonly v2: () => readonly OpenApiPart[];
  /** True for a key of version 3 that another server answers for. */
  readonly replaces: (name: string) => boolean;
  /** Has that server answer. */
  readonly proxy: (request: ApiRequest, name: string) => Promise<Result>;
}

export const NO_REMOTES: RemoteOpenApi = {
  generation: () => 0,
  v3: () => new Map(),
  v2: () => [],
  replaces: () => false,
  proxy: () => Promise.reject(new Error("no other API server is known")),
};

const KINDS = "x-kubernetes-group-version-kind";

/** `source` with the parts of others; a definition that means something else here gets another name there: `Name_v2`. */
export async function withParts(
  source: DocumentSource,
  parts: readonly OpenApiPart[],
): Promise<DocumentSource> {
  if (parts.length === 0) return source;
  const roots = new Set<string>();
  const paths = new Set<string>();
  for (const [path] of pathEntries(source, roots)) paths.add(path);
  await yieldToLoop();
  const taken = new Map<string, SchemaObject>();
  for await (const [name, object] of definitionEntries(source, roots)) taken.set(name, object);
  await yieldToLoop();
  const added: { paths: Entry[]; definitions: Entry[] } = { paths: [], definitions: [] };
  for (const part of parts) {
    const renamed = renameDefinitions(part, newNames(part, taken));
    for (const [path, item] of renamed.paths) {
      // Whoever was first has the path.
      if (paths.has(path)) continue;
      paths.add(path);
      added.paths.push([path, item]);
    }
    for (const [name, object] of renamed.definitions) {
      if (taken.has(name)) continue;
      taken.set(name, object);
      added.definitions.push([name, object]);
    }
    await yieldToLoop();
  }
  return { ...source, added };
}

function newNames(
  { definitions }: OpenApiPart,
  taken: ReadonlyMap<string, SchemaObject>,
): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  for (const [name, object] of definitions) {
    let chosen = name;
    for (let i = 2; !isFree(chosen, object, taken); i++) chosen = `${name}_v${i}`;
    if (chosen !== name) names.set(name, chosen);
  }
  return names;
}

/** Nobody has the name, or whoever has it means the same. The kinds that a definition is may differ. */
function isFree(name: string, object: SchemaObject, taken: ReadonlyMap<string, SchemaObject>): boolean {
  const other = taken.get(name);
  if (other === undefined) return true;
  const { [KINDS]: _kinds, ...one } = object;
  const { [KINDS]: _otherKinds, ...two } = other;
  return isDeepStrictEqual(one, two);
}
