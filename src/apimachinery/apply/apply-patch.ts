/** Server-side apply: a configuration is merged into the live object, and ownership follows. @module */
import { badRequest, StatusError } from "../errors.ts";
import { isJsonObject, jsonEqual, own, type JsonObject } from "../json.ts";
import type { Schema } from "../schema.ts";
import { formatTime } from "../time.ts";
import { compare, excludeFields, type Comparison } from "./compare.ts";
import { applyConflict } from "./conflicts.ts";
import { difference, EMPTY_SET, isEmptySet, recursiveDifference, type FieldSet } from "./field-set.ts";
import { allowedByLastApplied, syncLastApplied } from "./last-applied.ts";
import {
  decodeManagedFields,
  encodeManagedFields,
  identityOf,
  managerIdentity,
  NO_OWNERS,
  type Owner,
  type Owners,
} from "./managers.ts";
import { merge } from "./merge.ts";
import { conflictsOf, disown, ownChanges, withoutUnowned } from "./ownership.ts";
import { prune } from "./prune.ts";
import { toFieldSet } from "./to-field-set.ts";
import { managedFieldsOf, withManagedFields } from "./update-managed-fields.ts";
import { validateTyped } from "./validate.ts";

/** Stands in for the owners of an object that was made before anybody kept track of them. */
const BEFORE_FIRST_APPLY = "before-first-apply";

export interface ApplyRequest {
  /** The stored object; undefined when apply creates it. */
  readonly live: JsonObject | undefined;
  /** The configuration as the client sent it: partial, without defaults. */
  readonly applied: JsonObject;
  readonly manager: string;
  readonly force: boolean;
  readonly schema: Schema;
  /** Group and version of the request's URL. */
  readonly apiVersion: string;
  readonly subresource?: string;
  /** Fields that this endpoint resets (`status` outside of its subresource): never owned through it. */
  readonly resetFields?: FieldSet;
  /** ms since 1970. */
  readonly now: number;
}

export interface ApplyResult {
  /** The merged object with its `managedFields`, before defaulting; identical to `live` when nothing changed at all. */
  readonly object: JsonObject;
}

/** Throws `StatusError`: Conflict with a cause per field, BadRequest for what does not fit the type. Changes nothing. */
export function applyPatch(request: ApplyRequest): ApplyResult {
  checkConfiguration(request);
  const owners = ownersBefore(request);
  const writer = managerIdentity(request.manager, "Apply", request.apiVersion, request.subresource);
  const key = identityOf(writer);
  const reset = request.resetFields ?? EMPTY_SET;
  const set = recursiveDifference(toFieldSet(request.applied, request.schema), reset);
  const previous = owners.get(key);
  const claimed = new Map<string, Owner>([...owners, [key, { ...writer, set }]]);
  const merged = merge(request.live, request.applied, request.schema);
  const pruned = prune(merged, claimed, previous?.set ?? EMPTY_SET, request.schema) as JsonObject;
  const comparison = excludeFields(compare(request.live ?? {}, pruned, request.schema), reset);
  refuseConflicts(claimed, key, comparison, request);
  const kept = withoutUnowned(set);
  const isChanged =
    previous === undefined || !jsonEqual(previous.set, kept) || !jsonEqual(bare(request.live), bare(pruned));
  const time = isChanged ? formatTime(request.now) : previous.time;
  const after = new Map(disown(claimed, key, comparison));
  if (isEmptySet(kept)) after.delete(key);
  else after.set(key, { ...writer, set: kept, ...(time !== undefined && { time }) });
  const synced = request.manager === "kubectl" ? syncLastApplied(pruned, request.applied) : pruned;
  const object = withManagedFields(synced, encodeManagedFields(after));
  return { object: request.live !== undefined && jsonEqual(object, request.live) ? request.live : object };
}

function checkConfiguration({ applied, apiVersion, schema }: ApplyRequest): void {
  const version = own(applied, "apiVersion");
  if (version !== apiVersion) {
    throw badRequest(
      `Incorrect version specified in apply patch. Specified patch version: ${typeof version === "string" ? version : ""}, expected: ${apiVersion}`,
    );
  }
  const metadata = own(applied, "metadata");
  if (
    isJsonObject(metadata) &&
    own(metadata, "managedFields") !== undefined &&
    own(metadata, "managedFields") !== null
  ) {
    throw badRequest("metadata.managedFields must be nil");
  }
  const problems = validateTyped(applied, schema);
  if (problems.length === 0) return;
  const list =
    problems.length === 1
      ? problems[0]!
      : ["errors:", ...problems.map((problem) => `  ${problem}`)].join("\n");
  // upstream's is no API error, and so becomes a 500 that names no reason
  throw new StatusError("Unknown", `failed to create typed patch object (${describe(applied)}): ${list}`);
}

function describe(applied: JsonObject): string {
  const metadata = own(applied, "metadata");
  const kind = `${text(applied, "apiVersion")}, Kind=${text(applied, "kind")}`;
  return `${text(metadata, "namespace")}/${text(metadata, "name")}; ${kind}`;
}

function text(object: unknown, key: string): string {
  const value = isJsonObject(object) ? own(object, key) : undefined;
  return typeof value === "string" ? value : "";
}

/** An object that nobody is recorded for gets one owner of everything it has. */
function ownersBefore({ live, schema, apiVersion, now }: ApplyRequest): Owners {
  if (live === undefined) return NO_OWNERS;
  const owners = decodeManagedFields(managedFieldsOf(live)) ?? NO_OWNERS;
  if (owners.size > 0) return owners;
  const writer = managerIdentity(BEFORE_FIRST_APPLY, "Update", apiVersion, undefined);
  return ownChanges(NO_OWNERS, writer, compare({}, withManagedFields(live, []), schema), formatTime(now));
}

/** kubectl may take over what it applied on the client's side before. */
function refuseConflicts(owners: Owners, self: string, comparison: Comparison, request: ApplyRequest): void {
  if (request.force) return;
  const allowed =
    request.manager === "kubectl" && request.live !== undefined
      ? allowedByLastApplied(request.live, request.apiVersion, request.schema)
      : undefined;
  const conflicts = [...conflictsOf(owners, self, comparison)]
    .map(([key, set]) => ({
      owner: owners.get(key)!,
      set: allowed === undefined ? set : difference(set, allowed),
    }))
    .filter(({ set }) => !isEmptySet(set));
  if (conflicts.length > 0) throw applyConflict(conflicts);
}

function bare(object: JsonObject | undefined): unknown {
  return object === undefined ? undefined : withManagedFields(object, []);
}
