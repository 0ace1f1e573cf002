/** PATCH: the four media types, applied to the stored object until nobody came between. @module */
import {
  apiVersionOf,
  applyJsonPatch,
  applyMergePatch,
  applyStrategicMergePatch,
  badRequest,
  conflict,
  StatusError,
  type KubeObject,
} from "#apimachinery";
import type { UpdateRequest } from "../registry/resource-store.ts";
import { authorizeCreate } from "./authorize.ts";
import { readOne } from "./converted.ts";
import {
  decodePatched,
  mediaTypeOf,
  unsupportedMediaType,
  type Parsed,
  type PatchProblems,
} from "./decode.ts";
import type { ResourceRequest } from "./handler-context.ts";
import { withDistinctOwners } from "./owner-references.ts";
import {
  APPLY_PATCH,
  applyOptionsOf,
  checkForce,
  configurationOf,
  JSON_PATCH,
  MERGE_PATCH,
  parsePatch,
  PATCH_TYPES,
  STRATEGIC_MERGE_PATCH,
} from "./patch-body.ts";
import { writtenForm, writtenResult } from "./read.ts";
import type { ApiRequest, Result } from "./request.ts";
import { applyPatchProblems, goText, jsonPatchProblems, tellProblems } from "./strictness.ts";
import { asStored, checkIdentity, checkView } from "./write.ts";
import { writeContextOf } from "./write-options.ts";

export async function handlePatch(routed: ResourceRequest, subresource = ""): Promise<Result> {
  const { request, info, served } = routed;
  const body = await request.body();
  const type = mediaTypeOf(body.contentType);
  if (!PATCH_TYPES.includes(type)) {
    throw unsupportedMediaType(PATCH_TYPES.join(", "));
  }
  const as = writtenForm(routed);
  const context = writeContextOf(request, "PatchOptions", served.kind);
  checkForce(request, type);
  const patch = parsePatch(body, type);
  request.audit?.recordPatch(patch.value);
  const update =
    type === APPLY_PATCH
      ? applyUpdate(routed, patch, subresource)
      : patchUpdate(routed, type, patch, subresource);
  const { object, created } = await served.store.update(info.namespace, info.name, update, context);
  return writtenResult(routed, object, created ? 201 : 200, as);
}

/** A merge of any kind: computed anew whenever the object changed meanwhile. */
function patchUpdate(
  routed: ResourceRequest,
  type: string,
  patch: Parsed,
  subresource: string,
): UpdateRequest {
  const { request, served } = routed;
  return {
    subresource,
    mayCreate: false,
    transform: async (stored) => {
      const current = await readOne(served, stored!, request.signal);
      const patched = applyPatch(type, current, patch.value, routed);
      const problems = problemsOf(type, patch, patched);
      const decoded = decodePatched(request, patched, served, problems, current);
      checkIdentity(decoded, routed.info.name, "");
      const object = distinct(request, decoded);
      checkView(served, object, stored);
      return asStored(routed, object);
    },
  };
}

function distinct(request: ApiRequest, object: KubeObject): KubeObject {
  return withDistinctOwners(object, (message) => request.warn(message), true);
}

function applyPatch(type: string, current: KubeObject, patch: unknown, { served }: ResourceRequest): unknown {
  switch (type) {
    case JSON_PATCH:
      return applyJsonPatch(current, patch);
    case MERGE_PATCH:
      return applyMergePatch(current, patch);
    default:
      if (served.schema === undefined) throw unsupportedStrategicMerge();
      return applyStrategicMergePatch({ ...current }, patch, served.schema);
  }
}

function problemsOf(type: string, patch: Parsed, patched: unknown): PatchProblems {
  const { value, duplicates } = patch;
  switch (type) {
    case JSON_PATCH:
      return { own: () => jsonPatchProblems(value, duplicates()), shown: () => JSON.stringify(patched) };
    case MERGE_PATCH:
      return { own: duplicates, shown: () => JSON.stringify(patched) };
    default:
      return { own: duplicates, shown: () => goText(value) };
  }
}

function unsupportedStrategicMerge(): StatusError {
  return unsupportedMediaType(PATCH_TYPES.filter((type) => type !== STRATEGIC_MERGE_PATCH).join(", "));
}

function applyUpdate(routed: ResourceRequest, patch: Parsed, subresource: string): UpdateRequest {
  const { request, info, served, context } = routed;
  const { fieldManager } = context;
  if (fieldManager === undefined) {
    throw new StatusError("UnsupportedMediaType", "server-side apply is switched off on this server");
  }
  const { manager, force } = applyOptionsOf(request);
  const config = configurationOf(patch.value, served.kind);
  checkIdentity(config, info.name, served.kind.scope === "Namespaced" ? info.namespace : "");
  return {
    subresource,
    mayCreate: subresource === "",
    ownsManagedFields: true,
    transform: async (stored) => {
      if (stored === undefined) {
        checkUidOfNew(config, routed);
        await authorizeCreate(routed);
      }
      const old = stored === undefined ? undefined : await readOne(served, stored, request.signal);
      const applied = fieldManager.apply({
        kind: served.kind,
        config,
        old,
        manager,
        subresource,
        force,
        nowMs: context.clock.now(),
      });
      tellProblems(
        request,
        () => applyPatchProblems(patch.duplicates()),
        (why) => badRequest(`error strict decoding YAML: ${why}`),
      );
      // What is stored in a former version is written in the present one, whatever the patch changes.
      const isCurrent = stored?.apiVersion === apiVersionOf(served.store.kind);
      if (applied === old && isCurrent) return stored;
      const object = distinct(request, decodePatched(request, applied, served));
      checkView(served, object, stored);
      return asStored(routed, object);
    },
  };
}

/** Whoever knows the uid of an object means one that was there. */
function checkUidOfNew({ metadata }: KubeObject, { served, info }: ResourceRequest): void {
  if (metadata.uid === undefined || metadata.uid === "") return;
  const why = `uid mismatch: the provided object specified uid ${metadata.uid}, and no existing object was found`;
  throw conflict({ group: served.kind.group, resource: served.kind.names.plural }, info.name, why);
}
