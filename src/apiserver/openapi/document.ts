/** Documents in pieces: one path or definition at a time, so that megabytes never hold the event loop. @module */
import type { Scheme } from "#api";
import type { CustomDefinitions } from "./custom-definitions.ts";
import { closureOf, definitionObject } from "./definitions.ts";
import {
  groupOperations,
  groupVersionOperations,
  rootOperations,
  versionOperations,
} from "./group-operations.ts";
import { documentName } from "./names.ts";
import { pathItems, type Operation, type PathItem } from "./operation.ts";
import { remembering, type ProseSource } from "./prose.ts";
import type { Dialect, SchemaObject } from "./schema-object.ts";
import { v2PathItem } from "./v2-path-item.ts";
import { v3PathItem } from "./v3-path-item.ts";

/** A document before it is encoded. */
export interface DocumentSource {
  readonly dialect: Dialect;
  /** Made one after the other, with turns for others in between; no two have a path in common. */
  readonly parts: readonly Part[];
  readonly prose: ProseSource | undefined;
  /** Definitions of kinds that CustomResourceDefinitions added. */
  readonly custom?: CustomDefinitions;
  /** What other API servers have; no path and no name is one of the server's own. */
  readonly added?: { readonly paths: readonly Entry[]; readonly definitions: readonly Entry[] };
}

export type Part = () => readonly Operation[];

export type Entry = readonly [name: string, value: SchemaObject];

export const INFO: SchemaObject = { title: "Kubernetes", version: "unversioned" };
export const SECURITY: SchemaObject = {
  BearerToken: {
    description: "Bearer Token authentication",
    type: "apiKey",
    name: "authorization",
    in: "header",
  },
};

/** Key of `/openapi/v3` -> the operations of its document. Version 2 has all of them in one document. */
export function documentParts(scheme: Scheme): ReadonlyMap<string, Part> {
  const documents = new Map<string, Part>([
    ["api", () => rootOperations("api")],
    ["apis", () => rootOperations("apis")],
    ["version", versionOperations],
  ]);
  for (const group of scheme.groups) {
    if (group !== "") documents.set(`apis/${group}`, () => groupOperations(group));
    for (const version of scheme.versionsOf(group)) {
      documents.set(documentName({ group, version }), () => groupVersionOperations(scheme, group, version));
    }
  }
  return documents;
}

/** The paths; the definitions that they name are added to `roots`. */
export function* pathEntries(
  { dialect, parts, added }: DocumentSource,
  roots: Set<string>,
): Generator<Entry> {
  const write = dialect === "v2" ? v2PathItem : v3PathItem;
  for (const part of parts) {
    for (const item of pathItems(part())) {
      addRoots(item, roots);
      yield [item.path, write(item)];
    }
  }
  yield* added?.paths ?? [];
}

/** `roots`, once all paths have been written, and all that they refer to. */
export async function* definitionEntries(
  source: DocumentSource,
  roots: ReadonlySet<string>,
): AsyncGenerator<Entry> {
  const prose = source.prose && remembering(source.prose);
  const own = [...roots].flatMap((name) => source.custom?.get(name)?.references ?? []);
  for (const name of closureOf([...roots, ...own])) {
    const custom = source.custom?.get(name)?.object(source.dialect);
    yield [name, custom ?? (await definitionObject(name, source.dialect, prose))];
  }
  yield* source.added?.definitions ?? [];
}

function addRoots({ operations }: PathItem, roots: Set<string>): void {
  for (const { body, responses } of operations) {
    if (body !== undefined) roots.add(body.definition);
    for (const answer of responses.values()) if (typeof answer === "string") roots.add(answer);
  }
}

/** The document as JSON text. */
export async function* jsonText(source: DocumentSource): AsyncGenerator<string> {
  const info = JSON.stringify(INFO);
  const security = JSON.stringify(SECURITY);
  const roots = new Set<string>();
  const isV2 = source.dialect === "v2";
  yield isV2 ? `{"swagger":"2.0","info":${info},"paths":{` : `{"openapi":"3.0.0","info":${info},"paths":{`;
  yield* members(pathEntries(source, roots));
  yield isV2 ? `},"definitions":{` : `},"components":{"schemas":{`;
  yield* members(definitionEntries(source, roots));
  yield isV2
    ? `},"securityDefinitions":${security},"security":[{"BearerToken":[]}]}\n`
    : `},"securitySchemes":${security}}}\n`;
}

async function* members(entries: Iterable<Entry> | AsyncIterable<Entry>): AsyncGenerator<string> {
  let separator = "";
  for await (const [name, value] of entries) {
    yield `${separator}${JSON.stringify(name)}:${JSON.stringify(value)}`;
    separator = ",";
  }
}
