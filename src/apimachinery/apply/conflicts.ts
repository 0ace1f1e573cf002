/** The error of an apply that would take fields from others. @module */
import { StatusError, type StatusCause } from "../errors.ts";
import { quote } from "../quote.ts";
import { compareStrings } from "../text.ts";
import { pathsOf, type FieldSet } from "./field-set.ts";
import type { Owner } from "./managers.ts";
import { formatPath } from "./shape.ts";

export interface OwnerConflict {
  readonly owner: Owner;
  readonly set: FieldSet;
}

/** 409 with a cause per field, in upstream's words. */
export function applyConflict(conflicts: readonly OwnerConflict[]): StatusError {
  const sorted = conflicts.toSorted((a, b) => compareStrings(describe(a.owner), describe(b.owner)));
  const causes = sorted.flatMap(({ owner, set }) =>
    pathsOf(set).map((path): StatusCause => ({
      reason: "FieldManagerConflict",
      message: `conflict with ${describe(owner)}`,
      field: formatPath(path),
    })),
  );
  return new StatusError("Conflict", messageOf(sorted, causes), { details: { causes } });
}

function messageOf(conflicts: readonly OwnerConflict[], causes: readonly StatusCause[]): string {
  const [only] = causes;
  if (causes.length === 1) return `Apply failed with 1 conflict: ${only!.message}: ${only!.field}`;
  const lines = conflicts.flatMap(({ owner, set }) => [
    `conflicts with ${describe(owner)}:`,
    ...pathsOf(set).map((path) => `- ${formatPath(path)}`),
  ]);
  return `Apply failed with ${causes.length} conflicts: ${lines.join("\n")}`;
}

function describe({ manager, operation, apiVersion, subresource }: Owner): string {
  const through = subresource === undefined ? "" : ` with subresource ${quote(subresource)}`;
  return `${quote(manager)}${through}${operation === "Update" ? ` using ${apiVersion}` : ""}`;
}
