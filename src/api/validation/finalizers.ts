/** Names of finalizers of built-in kinds: the system's own few, or with a domain in front. @module */
import { field, isQualifiedName } from "#apimachinery";
import { each, NONE, obeys, type Causes } from "./common.ts";

const STANDARD: readonly string[] = ["kubernetes", "orphan", "foregroundDeletion"];
const UNQUALIFIED = "name is neither a standard finalizer name nor is it fully qualified";

function validateKubeFinalizer(name: string, path: string): Causes {
  return name.includes("/") || STANDARD.includes(name) ? NONE : [field.invalid(path, name, UNQUALIFIED)];
}

/** Groups that never asked for more than the form. */
const LENIENT: readonly string[] = [
  "admissionregistration.k8s.io",
  "apiextensions.k8s.io",
  "apiregistration.k8s.io",
];

/** What built-in kinds ask of `metadata.finalizers` besides their form. */
export function validateKubeFinalizers(group: string, finalizers: readonly string[] | undefined): Causes {
  return LENIENT.includes(group) ? NONE : each(finalizers, "metadata.finalizers", validateKubeFinalizer);
}

export function validateFinalizer(name: string, path: string): Causes {
  return [...obeys(isQualifiedName, name, path), ...validateKubeFinalizer(name, path)];
}
