/** What a patch says: its value, checked as far as its media type goes, and who applies it. @module */
import {
  badRequest,
  field,
  invalid,
  isJsonObject,
  type GroupVersionKind,
  type KubeObject,
} from "#apimachinery";
import { isTrue } from "../http/request-info.ts";
import { asKind, goTypeOf, parseText, type Parsed } from "./decode.ts";
import { queryValue, type ApiRequest, type RequestBody } from "./request.ts";

export const JSON_PATCH = "application/json-patch+json";
export const MERGE_PATCH = "application/merge-patch+json";
export const STRATEGIC_MERGE_PATCH = "application/strategic-merge-patch+json";
export const APPLY_PATCH = "application/apply-patch+yaml";
export const PATCH_TYPES: readonly string[] = [JSON_PATCH, MERGE_PATCH, STRATEGIC_MERGE_PATCH, APPLY_PATCH];

const OPTIONS = { group: "meta.k8s.io", kind: "PatchOptions" };
const DECODING: Readonly<Record<string, string>> = {
  [JSON_PATCH]: "error decoding patch: ",
  [MERGE_PATCH]: "error decoding patch: ",
  [APPLY_PATCH]: "error decoding YAML: ",
};

/** The value of a patch, which must be what patches of its type are. Throws BadRequest. */
export function parsePatch(body: RequestBody, type: string): Parsed {
  const words = (why: string): string => (DECODING[type] ?? "") + why;
  const patch = parseText(body, type === APPLY_PATCH ? "yaml" : "json", words);
  const { value } = patch;
  const isList = type === JSON_PATCH;
  const isRight = isList ? Array.isArray(value) : isJsonObject(value);
  if (type === APPLY_PATCH || value === null || isRight) return patch;
  const target = isList ? "[]handlers.jsonPatchOp" : "map[string]interface {}";
  throw badRequest(words(`json: cannot unmarshal ${goTypeOf(value)} into Go value of type ${target}`));
}

/** Only who applies can take what others own. Throws Invalid. */
export function checkForce({ query }: ApiRequest, type: string): void {
  if (type === APPLY_PATCH || query.get("force") === null) return;
  throw invalid(OPTIONS, "", [field.forbidden("force", "may not be specified for non-apply patch")]);
}

export interface ApplyOptions {
  readonly manager: string;
  readonly force: boolean;
}

/** Throws Invalid when nobody says who applies. */
export function applyOptionsOf(request: ApiRequest): ApplyOptions {
  const manager = queryValue(request, "fieldManager");
  if (manager === "") {
    throw invalid(OPTIONS, "", [field.required("fieldManager", "is required for apply patch")]);
  }
  return { manager, force: isTrue(request.query.get("force")) };
}

/** As it was sent: what a configuration leaves out, and what it sets to nothing, both count, its version too. */
export function configurationOf(value: unknown, kind: GroupVersionKind): KubeObject {
  if (!isJsonObject(value)) return asKind(value, kind);
  const { apiVersion, ...rest } = value;
  return { ...asKind(rest, kind), apiVersion: typeof apiVersion === "string" ? apiVersion : "" };
}
