/** Rules for ControllerRevisions. @module */
import { field } from "#apimachinery";
import { immutable, NONE, nonNegative, type Causes } from "../../validation/common.ts";
import type { ControllerRevision } from "./types.gen.ts";

export function validateControllerRevision({ data, revision }: ControllerRevision): Causes {
  return [
    ...nonNegative(revision, "revision"),
    ...(data === undefined || data === null
      ? [field.required("data", "data is mandatory")]
      : typeof data !== "object" || Array.isArray(data)
        ? [field.required("data", "data must be a valid JSON object")]
        : NONE),
  ];
}

export function validateControllerRevisionUpdate(
  revision: ControllerRevision,
  old: ControllerRevision,
): Causes {
  return immutable(revision.data, old.data, "data");
}
