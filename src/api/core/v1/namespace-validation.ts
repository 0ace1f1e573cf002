/** Rules for Namespaces. @module */
import { field } from "#apimachinery";
import { each, NONE, type Causes } from "../../validation/common.ts";
import { validateFinalizer } from "../../validation/finalizers.ts";
import type { Namespace } from "./types.gen.ts";

const FINALIZERS = "spec.finalizers";

export function validateNamespace({ spec }: Namespace): Causes {
  return (spec?.finalizers ?? []).flatMap((name) => validateFinalizer(name, FINALIZERS));
}

export function validateNamespaceFinalize({ spec }: Namespace): Causes {
  return each(spec?.finalizers, FINALIZERS, validateFinalizer);
}

export function validateNamespaceStatusUpdate({ metadata, status }: Namespace): Causes {
  const deleted = metadata.deletionTimestamp !== undefined;
  const expected = deleted ? "Terminating" : "Active";
  if (status?.phase === expected) return NONE;
  const message = `may only be '${expected}' if \`deletionTimestamp\` is ${deleted ? "not " : ""}empty`;
  return [field.invalid("status.Phase", status?.phase ?? "", message)];
}
