/** GET: one object, a list, a watch. @module */
import { apiVersionOf, fields, StatusError } from "#apimachinery";
import { listOptionsOf, selectionOf } from "../registry/list-options.ts";
import type { CachedObject } from "../watchcache/cached-object.ts";
import type { ResourceRequest } from "./handler-context.ts";
import { representationOf } from "./representation.ts";
import type { Representation, Result } from "./request.ts";

export async function handleGet({ request, info, served, context }: ResourceRequest): Promise<Result> {
  const as = representationOf(request, {
    kind: served.kind,
    convert: served.fromStored,
    nowMs: context.clock.now(),
    verb: "object",
  });
  const object = await served.store.get(info.namespace, info.name);
  return { type: "object", status: 200, object, as };
}

export async function handleList({ request, info, served, context }: ResourceRequest): Promise<Result> {
  const { kind, reader } = served;
  const as = representationOf(request, {
    kind,
    convert: served.fromStored,
    nowMs: context.clock.now(),
    verb: "list",
  });
  const options = listOptionsOf(request.query, false);
  const selection = selectionOf(kind, options, info.namespace, "", reader.cache.indexedField);
  const list = await reader.list(kind, selection, options);
  return { type: "list", list, as };
}

export async function handleWatch({ request, info, served, context }: ResourceRequest): Promise<Result> {
  const { kind, reader } = served;
  const as = representationOf(request, {
    kind,
    convert: served.fromStored,
    nowMs: context.clock.now(),
    verb: "watch",
  });
  const options = listOptionsOf(request.query, true);
  checkName(info.name, fields.requiresExactMatch(options.fieldSelector, "metadata.name"));
  const selection = selectionOf(kind, options, info.namespace, info.name, reader.cache.indexedField);
  const watcher = await reader.watch(selection, options);
  const timeoutMs = reader.watchTimeoutMs(options);
  return { type: "watch", watcher, as, kind: { apiVersion: apiVersionOf(kind), kind: kind.kind }, timeoutMs };
}

/** The object that a write stored, in the version and form that the writer asked for. */
export function writtenResult(
  { request, served, context }: ResourceRequest,
  object: CachedObject,
  status: number,
  as: Representation = representationOf(request, {
    kind: served.kind,
    convert: served.fromStored,
    nowMs: context.clock.now(),
    verb: "object",
  }),
): Result {
  return { type: "object", status, object, as };
}

function checkName(inPath: string, inSelector: string | undefined): void {
  if (inPath === "" || inSelector === undefined || inPath === inSelector) return;
  throw new StatusError(
    "BadRequest",
    "both a name and a field selector were given, and they name different objects",
  );
}
