/** The part of another server's OpenAPI v2 document that is about one group-version. Pure. @module */
import { groupVersionPath } from "#client";
import type { Entry } from "../openapi/document.ts";
import type { SchemaObject } from "../openapi/schema-object.ts";
import type { GroupVersion } from "./api-service.ts";

export interface OpenApiPart {
  readonly paths: readonly Entry[];
  readonly definitions: readonly Entry[];
}

const REF_PREFIX = "#/definitions/";

/** The paths of the group-version, and the definitions that they refer to. Throws SyntaxError for what is no document. */
export function openApiPart(text: string, gv: GroupVersion): OpenApiPart {
  const document = JSON.parse(text) as Readonly<Record<string, unknown>>;
  const prefix = `${groupVersionPath(gv)}/`;
  const paths = entriesOf(document["paths"]).filter(([path]) => path.startsWith(prefix));
  const all = new Map(entriesOf(document["definitions"]));
  const used = new Set<string>();
  const open = paths.flatMap(([, item]) => refsIn(item));
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    const definition = all.get(name);
    if (definition === undefined || used.has(name)) continue;
    used.add(name);
    open.push(...refsIn(definition));
  }
  return { paths, definitions: [...used].toSorted().map((name) => [name, all.get(name)!] as const) };
}

/** The same part, with definitions named as `names` says; those that are not in it keep their name. */
export function renameDefinitions(
  { paths, definitions }: OpenApiPart,
  names: ReadonlyMap<string, string>,
): OpenApiPart {
  if (names.size === 0) return { paths, definitions };
  const renamed = (value: SchemaObject): SchemaObject => withRefs(value, names) as SchemaObject;
  return {
    paths: paths.map(([path, item]) => [path, renamed(item)] as const),
    definitions: definitions.map(([name, object]) => [names.get(name) ?? name, renamed(object)] as const),
  };
}

function entriesOf(value: unknown): readonly Entry[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value as Readonly<Record<string, unknown>>).filter(
    (entry): entry is [string, SchemaObject] => typeof entry[1] === "object" && entry[1] !== null,
  );
}

function refsIn(value: unknown): readonly string[] {
  const found: string[] = [];
  walk(value, (ref) => void found.push(ref));
  return found;
}

function walk(value: unknown, onRef: (name: string) => void): void {
  if (typeof value !== "object" || value === null) return;
  for (const [key, member] of Object.entries(value)) {
    if (key === "$ref" && typeof member === "string" && member.startsWith(REF_PREFIX)) {
      onRef(member.slice(REF_PREFIX.length));
    } else walk(member, onRef);
  }
}

function withRefs(value: unknown, names: ReadonlyMap<string, string>): unknown {
  if (Array.isArray(value)) return value.map((item) => withRefs(item, names));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => {
      if (key !== "$ref" || typeof member !== "string" || !member.startsWith(REF_PREFIX)) {
        return [key, withRefs(member, names)];
      }
      const name = member.slice(REF_PREFIX.length);
      return [key, REF_PREFIX + (names.get(name) ?? name)];
    }),
  );
}
