/** Owners that an object names twice: kept once, and its writer is told. @module */
import type { KubeObject, OwnerReference } from "#apimachinery";
import { semanticEqual } from "#api/validation/semantic-equal";

const WHY =
  "API server dedups owner references in 1.20+, and may reject such requests as early as 1.24; " +
  "please fix your requests; duplicate UID(s) observed: ";

/** `isAdmitted`: what was sent went through admission already, which upstream's warning says. */
export function withDistinctOwners(
  object: KubeObject,
  warn: (message: string) => void,
  isAdmitted: boolean,
): KubeObject {
  const references = object.metadata.ownerReferences ?? [];
  if (references.length < 2) return object;
  const kept: OwnerReference[] = [];
  const repeated: string[] = [];
  for (const reference of references) {
    if (kept.some((other) => semanticEqual(other, reference))) repeated.push(reference.uid);
    else kept.push(reference);
  }
  if (repeated.length === 0) return object;
  const when = isAdmitted ? " after mutating admission happens" : "";
  warn(`.metadata.ownerReferences contains duplicate entries${when}; ${WHY}${repeated.join(", ")}`);
  return { ...object, metadata: { ...object.metadata, ownerReferences: kept } };
}
