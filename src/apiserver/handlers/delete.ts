/** DELETE of one object and of collections. @module */
import { isNotFound, type Kind, type Status } from "#apimachinery";
import type { RequestContext } from "../registry/context.ts";
import { listOptionsOf, selectionOf } from "../registry/list-options.ts";
import type { DeleteOptions } from "../registry/plan-delete.ts";
import type { Deleted } from "../registry/resource-store.ts";
import type { CachedObject } from "../watchcache/cached-object.ts";
import { chosen, conversionOf, converted } from "./converted.ts";
import { readDeleteOptions } from "./delete-options.ts";
import type { ResourceRequest } from "./handler-context.ts";
import { writtenForm, writtenResult } from "./read.ts";
import { representationOf } from "./representation.ts";
import type { ApiRequest, Result } from "./request.ts";
import { contextOf } from "./write-options.ts";

/** Objects of these resources are answered with their last state, others with a Status. */
const RETURNS_OBJECT: ReadonlySet<string> = new Set([
  "core/namespaces",
  "core/pods",
  "core/podtemplates",
  "core/persistentvolumes",
  "core/persistentvolumeclaims",
  "core/resourcequotas",
  "core/serviceaccounts",
  "core/services",
  "resource.k8s.io/deviceclasses",
  "resource.k8s.io/devicetaintrules",
  "resource.k8s.io/resourceclaims",
  "resource.k8s.io/resourceclaimtemplates",
  "resource.k8s.io/resourceslices",
  "storage.k8s.io/csinodes",
  "storage.k8s.io/csidrivers",
  "storage.k8s.io/storageclasses",
  "storage.k8s.io/volumeattachments",
  "storage.k8s.io/volumeattributesclasses",
]);
const DELETE_WORKERS = 8;

export async function handleDelete(routed: ResourceRequest): Promise<Result> {
  const { request, info, served } = routed;
  const as = writtenForm(routed);
  const options = await readDeleteOptions(request);
  const context = contextOfDelete(request, options, served.kind);
  const deleted = await served.store.delete(info.namespace, info.name, options, context);
  if (!deleted.isGone || RETURNS_OBJECT.has(served.resource)) {
    const status = !deleted.isGone && options.orphanDependents === false ? 202 : 200;
    return writtenResult(routed, deleted.object, status, as);
  }
  return { type: "value", status: 200, value: successStatus(routed, deleted) };
}

export async function handleDeleteCollection(routed: ResourceRequest): Promise<Result> {
  const { request, info, served, context: handlers } = routed;
  const as = representationOf(request, {
    kind: served.kind,
    convert: conversionOf(served),
    clock: handlers.clock,
    verb: "list",
  });
  const options = await readDeleteOptions(request);
  const context = contextOfDelete(request, options, served.kind);
  const listOptions = listOptionsOf(request.query, false);
  const selection = selectionOf(
    served.kind,
    listOptions,
    info.namespace,
    "",
    served.reader.cache.indexedField,
  );
  const list = await served.reader.list(served.kind, selection, listOptions);
  const asked = await chosen(served, selection, list.items, request.signal);
  const deleted = await deleteAll(routed, asked, options, context);
  const items = await converted(served, deleted, request.signal);
  return { type: "list", list: { ...list, items }, as };
}

/** Each by itself: what somebody else deleted meanwhile does not stop the rest. */
async function deleteAll(
  { served }: ResourceRequest,
  objects: readonly CachedObject[],
  options: DeleteOptions,
  context: RequestContext,
): Promise<readonly CachedObject[]> {
  const deleted: CachedObject[] = [];
  const queue = objects.values();
  const work = async (): Promise<void> => {
    for (const { namespace, name } of queue) {
      try {
        deleted.push((await served.store.delete(namespace, name, options, context)).object);
      } catch (err) {
        if (!isNotFound(err)) throw err;
      }
    }
  };
  await Promise.all(Array.from({ length: DELETE_WORKERS }, work));
  return deleted;
}

function contextOfDelete(request: ApiRequest, { dryRun = [] }: DeleteOptions, kind: Kind): RequestContext {
  return contextOf(request, kind, { dryRun: dryRun.length > 0, fieldManager: "" });
}

function successStatus({ served, info }: ResourceRequest, { object }: Deleted): Status {
  const { group } = served.kind;
  const { uid } = object.object.metadata;
  return {
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Success",
    details: {
      name: info.name,
      ...(group !== "" && { group }),
      kind: served.kind.names.plural,
      ...(uid !== undefined && { uid }),
    },
  };
}
