/** POST and PUT of objects. @module */
import { badRequest, invalid, type KubeObject } from "#apimachinery";
import type { UpdateRequest } from "../registry/resource-store.ts";
import type { ServedResource } from "../registry/served-resource.ts";
import { authorizeCreate } from "./authorize.ts";
import { decodeObject } from "./decode.ts";
import type { ResourceRequest } from "./handler-context.ts";
import { withDistinctOwners } from "./owner-references.ts";
import { writtenForm, writtenResult } from "./read.ts";
import type { ApiRequest, Result } from "./request.ts";
import { writeContextOf } from "./write-options.ts";

export async function handleCreate(routed: ResourceRequest): Promise<Result> {
  const { request, info, served } = routed;
  const as = writtenForm(routed);
  const context = writeContextOf(request, "CreateOptions", served.kind);
  const sent = distinct(request, await decodeObject(request, served));
  checkView(served, sent, undefined);
  const object = await asStored(routed, sent);
  const stored = await served.store.create(info.namespace, object, context);
  return writtenResult(routed, stored, 201, as);
}

export async function handleUpdate(routed: ResourceRequest, subresource = ""): Promise<Result> {
  const { request, info, served } = routed;
  const as = writtenForm(routed);
  const context = writeContextOf(request, "UpdateOptions", served.kind);
  const sent = distinct(request, await decodeObject(request, served));
  checkIdentity(sent, info.name, served.kind.scope === "Namespaced" ? info.namespace : "");
  const object = await asStored(routed, sent);
  const transform = async (stored: KubeObject | undefined): Promise<KubeObject> => {
    if (stored === undefined) await authorizeCreate(routed);
    checkView(served, sent, stored);
    return object;
  };
  const mayCreate = subresource === "" && served.kind.strategy?.allowCreateOnUpdate === true;
  const update: UpdateRequest = { subresource, mayCreate, transform };
  const { object: stored, created } = await served.store.update(info.namespace, info.name, update, context);
  return writtenResult(routed, stored, created ? 201 : 200, as);
}

function distinct(request: ApiRequest, object: KubeObject): KubeObject {
  return withDistinctOwners(object, (message) => request.warn(message), false);
}

/**
 * Rules that a version has beyond those of the stored one, by which every object is judged: Events of events.k8s.io must be
 * of the new style, those of the core group need not. `old` is the stored object; undefined: it is created.
 */
export function checkView(
  { kind, store, custom, fromStored }: ServedResource,
  object: KubeObject,
  old: KubeObject | undefined,
): void {
  if (fromStored === undefined || custom !== undefined) return;
  const causes =
    old === undefined ? kind.validateCreate?.(object) : kind.validateUpdate?.(object, fromStored(old));
  if (causes !== undefined && causes.length > 0) throw invalid(store.kind, object.metadata.name, causes);
}

/** With its defaults, in the version that is stored. */
export async function asStored(
  { served, request }: ResourceRequest,
  object: KubeObject,
): Promise<KubeObject> {
  const complete = served.applyDefaults(object);
  if (served.custom?.conversion !== undefined)
    return served.custom.conversion.write(complete, request.signal);
  return served.toStored === undefined ? complete : served.toStored(complete);
}

/** The body must be about the object that the path names. */
export function checkIdentity({ metadata }: KubeObject, name: string, namespace: string): void {
  if (metadata.name === undefined || metadata.name === "") {
    throw badRequest(
      `the name of the object (${name} based on URL) was undeterminable: name must be provided`,
    );
  }
  if (metadata.name !== name) {
    throw badRequest(
      `the name of the object (${metadata.name}) does not match the name on the URL (${name})`,
    );
  }
  const { namespace: own = "" } = metadata;
  if (own !== "" && namespace !== "" && own !== namespace) {
    throw badRequest(
      `the namespace of the object (${own}) does not match the namespace on the request (${namespace})`,
    );
  }
}
