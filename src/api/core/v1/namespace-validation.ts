/** Rules for Namespaces. @module */
import { field, isQualifiedName } from "#apimachinery";
import { NONE, obeys, type Causes } from "../../validation/common.ts";
import type { Namespace } from "./types.gen.ts";

const STANDARD_FINALIZERS: readonly string[] = ["kubernetes", "orphan", "foregroundDeletion"];

export function validateNamespace({ spec }: Namespace): Causes {
  const path = "spec.finalizers";
  return (spec?.finalizers ?? []).flatMap((name) => [
    ...obeys(isQualifiedName, name, path),
    ...(name.includes("/") || STANDARD_FINALIZERS.includes(name)
      ? NONE
      : [field.invalid(path, name, "name is neither a standard finalizer name nor is it fully qualified")]),
  ]);
}

export function validateNamespaceStatusUpdate({ metadata, status }: Namespace): Causes {
  const deleted = metadata.deletionTimestamp !== undefined;
  const expected = deleted ? "Terminating" : "Active";
  if (status?.phase === expected) return NONE;
  const message = `may only be '${expected}' if \`deletionTimestamp\` is ${deleted ? "not " : ""}empty`;
  return [field.invalid("status.Phase", status?.phase ?? "", message)];
}
