/** Rules for ControllerRevisions. @module */
import { field } from "#apimachinery";
import { immutable, NONE, nonNegative, type Causes } from "../../validation/common.ts";
import type { ControllerRevision } from "./types.gen.ts";

export function validateControllerRevision({ revision }: ControllerRevision): Causes {
  return nonNegative(revision, "revision");
}

export function validateControllerRevisionCreate({ data }: ControllerRevision): Causes {
  if (data === undefined || data === null) return [field.required("data", "data is mandatory")];
  const isObject = typeof data === "object" && !Array.isArray(data);
  return isObject ? NONE : [field.required("data", "data must be a valid JSON object")];
}

export function validateControllerRevisionUpdate(
  revision: ControllerRevision,
  old: ControllerRevision,
): Causes {
  return immutable(revision.data, old.data, "data");
}
