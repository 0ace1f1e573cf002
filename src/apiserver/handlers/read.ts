/** GET: one object, a list, a watch. @module */
import { apiVersionOf, fields, StatusError } from "#apimachinery";
import { listOptionsOf, selectionOf } from "../registry/list-options.ts";
import { isTrue } from "../http/request-info.ts";
import type { CachedObject } from "../watchcache/cached-object.ts";
import type { ResourceRequest } from "./handler-context.ts";
import { chosen, conversionOf, converted, convertedWatcher } from "./converted.ts";
import { representationOf } from "./representation.ts";
import { queryValue, type ApiRequest, type Representation, type Result } from "./request.ts";

export async function handleGet({ request, info, served, context }: ResourceRequest): Promise<Result> {
  const as = representationOf(request, {
    kind: served.kind,
    convert: conversionOf(served),
    clock: context.clock,
    verb: "object",
  });
  checkExport(request);
  const key = served.store.key(info.namespace, info.name);
  const stored = await served.reader.get(served.kind, key, info.name, queryValue(request, "resourceVersion"));
  const [object] = await converted(served, [stored], request.signal);
  return { type: "object", status: 200, object: object!, as };
}

export async function handleList({ request, info, served, context }: ResourceRequest): Promise<Result> {
  const { kind, reader } = served;
  const as = representationOf(request, {
    kind,
    convert: conversionOf(served),
    clock: context.clock,
    verb: "list",
  });
  const options = listOptionsOf(request.query, false);
  const selection = selectionOf(kind, options, info.namespace, "", reader.cache.indexedField);
  const list = await reader.list(kind, selection, options);
  const asked = await chosen(served, selection, list.items, request.signal);
  const read = await converted(served, asked, request.signal);
  const { order } = as;
  const items = order === undefined ? read : read.toSorted((a, b) => order(a.object, b.object));
  return { type: "list", list: items === list.items ? list : { ...list, items }, as };
}

export async function handleWatch({ request, info, served, context }: ResourceRequest): Promise<Result> {
  const { kind, reader } = served;
  const as = representationOf(request, {
    kind,
    convert: conversionOf(served),
    clock: context.clock,
    verb: "watch",
  });
  const options = listOptionsOf(request.query, true);
  checkName(info.name, fields.requiresExactMatch(options.fieldSelector, "metadata.name"));
  const selection = selectionOf(kind, options, info.namespace, info.name, reader.cache.indexedField);
  const source = await reader.watch(selection, options);
  const { watcherBacklogBytesMax } = reader.limits;
  const watcher = convertedWatcher(served, source, selection, watcherBacklogBytesMax, request.signal);
  const timeoutMs = reader.watchTimeoutMs(options);
  return { type: "watch", watcher, as, kind: { apiVersion: apiVersionOf(kind), kind: kind.kind }, timeoutMs };
}

/** The form in which a writer wants its object. Asked before the write: what cannot be answered must not be done. */
export function writtenForm({ request, served, context }: ResourceRequest): Representation {
  return representationOf(request, {
    kind: served.kind,
    convert: conversionOf(served),
    clock: context.clock,
    verb: "object",
  });
}

/** The object that a write stored, in the version and form that the writer asked for. */
export async function writtenResult(
  { request, served }: ResourceRequest,
  stored: CachedObject,
  status: number,
  as: Representation,
): Promise<Result> {
  const [object] = await converted(served, [stored], request.signal);
  return { type: "object", status, object: object!, as };
}

function checkName(inPath: string, inSelector: string | undefined): void {
  if (inPath === "" || inSelector === undefined || inPath === inSelector) return;
  throw new StatusError("BadRequest", "fieldSelector metadata.name doesn't match requested name");
}

function checkExport({ query }: ApiRequest): void {
  if (!isTrue(query.get("export"))) return;
  throw new StatusError("BadRequest", "the export parameter, deprecated since v1.14, is no longer supported");
}
