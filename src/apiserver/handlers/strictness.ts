/** What strict decoding finds, told as loudly as `fieldValidation` asks. @module */
import { isJsonObject, type StatusError } from "#apimachinery";
import type { ApiRequest } from "./request.ts";
import { fieldValidationOf } from "./write-options.ts";

/** Throws, warns, or does not even look. */
export function tellProblems(
  request: ApiRequest,
  problems: () => readonly string[],
  strictError: (why: string) => StatusError,
): void {
  const validation = fieldValidationOf(request);
  if (validation === "Ignore") return;
  const found = problems();
  if (found.length === 0) return;
  if (validation === "Strict") throw strictError(found.join(", "));
  for (const warning of found.flatMap(linesOf)) request.warn(warning);
}

const YAML_PREFIX = /^(?:error converting YAML to JSON: )?yaml: unmarshal errors:\n/;

/** A YAML error tells of one problem per line; a header has one line. */
function linesOf(problem: string): readonly string[] {
  if (!YAML_PREFIX.test(problem)) return [problem];
  return problem
    .replace(YAML_PREFIX, "")
    .split("\n")
    .map((line) => line.trim());
}

const OPERATION_FIELDS = ["op", "path", "from", "value"];

/** Of a JSON patch itself, `duplicates` among them. */
export function jsonPatchProblems(patch: unknown, duplicates: readonly string[]): readonly string[] {
  const unknown = (Array.isArray(patch) ? patch : []).flatMap((operation: unknown, i) =>
    isJsonObject(operation)
      ? Object.keys(operation)
          .filter((name) => !OPERATION_FIELDS.includes(name))
          .map((name) => `unknown field ${JSON.stringify(`[${i}].${name}`)}`)
      : [],
  );
  return [...duplicates, ...unknown].map((problem) => `json patch ${problem}`);
}

/** Of an apply patch, whose text upstream makes JSON before it looks. */
export function applyPatchProblems(duplicates: readonly string[]): readonly string[] {
  return duplicates.map((problem) => `error converting YAML to JSON: ${problem}`);
}

/** A JSON value as Go prints a map: how upstream shows a strategic merge patch that it refuses. */
export function goText(value: unknown): string {
  if (value === null || value === undefined) return "<nil>";
  if (Array.isArray(value)) return `[${value.map(goText).join(" ")}]`;
  if (!isJsonObject(value)) return typeof value === "string" ? value : JSON.stringify(value);
  const entries = Object.keys(value)
    .toSorted()
    .map((key) => `${key}:${goText(value[key])}`);
  return `map[${entries.join(" ")}]`;
}
