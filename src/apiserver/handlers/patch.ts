/** PATCH: the four media types, applied to the stored object until nobody came between. @module */
import {
  applyJsonPatch,
  applyMergePatch,
  applyStrategicMergePatch,
  badRequest,
  field,
  invalid,
  StatusError,
  type KubeObject,
} from "#apimachinery";
import type { UpdateRequest } from "../registry/resource-store.ts";
import { authorizeCreate } from "./authorize.ts";
import { readOne } from "./converted.ts";
import {
  asKind,
  decodePatched,
  mediaTypeOf,
  parseText,
  unsupportedMediaType,
  type Parsed,
  type PatchProblems,
} from "./decode.ts";
import type { ResourceRequest } from "./handler-context.ts";
import { writtenForm, writtenResult } from "./read.ts";
import { queryValue, type Result } from "./request.ts";
import { applyPatchProblems, goText, jsonPatchProblems, tellProblems } from "./strictness.ts";
import { asStored, checkIdentity, checkView } from "./write.ts";
import { writeContextOf } from "./write-options.ts";

const APPLY = "application/apply-patch+yaml";
const TYPES: readonly string[] = [
  "application/json-patch+json",
  "application/merge-patch+json",
  "application/strategic-merge-patch+json",
  APPLY,
];

export async function handlePatch(routed: ResourceRequest, subresource = ""): Promise<Result> {
  const { request, info, served } = routed;
  const body = await request.body();
  const type = mediaTypeOf(body.contentType);
  if (!TYPES.includes(type)) {
    throw unsupportedMediaType(TYPES.join(", "));
  }
  const as = writtenForm(routed);
  const context = writeContextOf(request, "PatchOptions", served.kind);
  const patch = parseText(body, type === APPLY ? "yaml" : "json", "");
  request.audit?.recordPatch(patch.value);
  const update =
    type === APPLY ? applyUpdate(routed, patch, subresource) : patchUpdate(routed, type, patch, subresource);
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
      const object = decodePatched(request, patched, served, problemsOf(type, patch, patched));
      checkView(served, object, stored);
      return asStored(routed, object);
    },
  };
}

function applyPatch(type: string, current: KubeObject, patch: unknown, { served }: ResourceRequest): unknown {
  switch (type) {
    case "application/json-patch+json":
      return applyJsonPatch(current, patch);
    case "application/merge-patch+json":
      return applyMergePatch(current, patch);
    default:
      if (served.schema === undefined) throw unsupportedStrategicMerge();
      return applyStrategicMergePatch({ ...current }, patch, served.schema);
  }
}

function problemsOf(type: string, patch: Parsed, patched: unknown): PatchProblems {
  const { value, duplicates } = patch;
  switch (type) {
    case "application/json-patch+json":
      return { own: () => jsonPatchProblems(value, duplicates()), shown: () => JSON.stringify(patched) };
    case "application/merge-patch+json":
      return { own: duplicates, shown: () => JSON.stringify(patched) };
    default:
      return { own: duplicates, shown: () => goText(value) };
  }
}

function unsupportedStrategicMerge(): StatusError {
  return unsupportedMediaType(TYPES.filter((type) => !type.includes("strategic")).join(", "));
}

function applyUpdate(routed: ResourceRequest, patch: Parsed, subresource: string): UpdateRequest {
  const { request, info, served, context } = routed;
  const { fieldManager } = context;
  if (fieldManager === undefined) {
    throw new StatusError("UnsupportedMediaType", "server-side apply is switched off on this server");
  }
  const manager = queryValue(request, "fieldManager");
  if (manager === "") {
    const cause = field.required("fieldManager", "is required for apply patch");
    throw invalid({ group: "meta.k8s.io", kind: "PatchOptions" }, "", [cause]);
  }
  const force = queryValue(request, "force") === "true";
  // As it was sent: what the configuration leaves out, and what it sets to nothing, both count.
  const config = asKind(patch.value, served.kind);
  checkIdentity(config, info.name, served.kind.scope === "Namespaced" ? info.namespace : "");
  return {
    subresource,
    mayCreate: subresource === "",
    ownsManagedFields: true,
    transform: async (stored) => {
      if (stored === undefined) await authorizeCreate(routed);
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
      if (applied === old) return stored!;
      const object = decodePatched(request, applied, served);
      checkView(served, object, stored);
      return asStored(routed, object);
    },
  };
}
