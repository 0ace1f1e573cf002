/** The object that an update stores, from the one that was sent and the stored one; upstream's `rest.BeforeUpdate`. Pure. @module */
import {
  conflict,
  invalid,
  field,
  OPTIMISTIC_LOCK_MESSAGE,
  type Kind,
  type KubeObject,
  type ObjectMeta,
} from "#apimachinery";
import { isDesireChanged } from "./generation.ts";
import { SUBRESOURCE_PARTS } from "./subresource-parts.ts";
import { hasStatus, withStatusOf } from "./status.ts";

export interface UpdateFacts {
  readonly hasGeneration: boolean;
  /** "": the object itself. */
  readonly subresource: string;
}

/** Optimistic locking: a version that is named must be the stored one. */
export function checkUpdatePreconditions(kind: Kind, object: KubeObject, old: KubeObject): void {
  const gr = { group: kind.group, resource: kind.names.plural };
  const { resourceVersion, uid } = object.metadata;
  const { name } = old.metadata;
  if (uid !== undefined && uid !== "" && uid !== old.metadata.uid) {
    const why = `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${old.metadata.uid ?? ""}`;
    throw conflict(gr, name, why);
  }
  if (resourceVersion === undefined || resourceVersion === "" || resourceVersion === "0") {
    if (kind.strategy?.allowUnconditionalUpdate !== false) return;
    const cause = field.invalid("metadata.resourceVersion", "", "must be specified for an update");
    throw invalid(kind, name, [{ ...cause, message: cause.message.replace('""', "0x0") }]);
  }
  if (resourceVersion !== old.metadata.resourceVersion) throw conflict(gr, name, OPTIMISTIC_LOCK_MESSAGE);
}

export function planUpdate(kind: Kind, object: KubeObject, old: KubeObject, facts: UpdateFacts): KubeObject {
  const carried = { ...object, metadata: planMetadata(object.metadata, old.metadata) };
  if (facts.subresource === "status") return planStatusUpdate(kind, carried, old);
  const part = SUBRESOURCE_PARTS[facts.subresource]?.(carried, old);
  if (part !== undefined) {
    return facts.hasGeneration && isDesireChanged(part, old) ? bumpGeneration(part) : part;
  }
  const clean = hasStatus(kind) ? withStatusOf(carried, old) : carried;
  const finished = kind.strategy?.prepareForUpdate?.(clean, old) ?? clean;
  if (!facts.hasGeneration || !isDesireChanged(finished, old, hasStatus(kind))) return finished;
  return bumpGeneration(finished);
}

export function bumpGeneration(object: KubeObject): KubeObject {
  return { ...object, metadata: { ...object.metadata, generation: (object.metadata.generation ?? 0) + 1 } };
}

/** Writers of status may annotate, label and finalise; what the user asked for stays. */
function planStatusUpdate(kind: Kind, object: KubeObject, old: KubeObject): KubeObject {
  const { labels, annotations, finalizers, managedFields } = object.metadata;
  // a writer that names none takes them away, as upstream: controllers that may write the status alone depend on it
  const { finalizers: _, ...kept } = old.metadata;
  const metadata: ObjectMeta = {
    ...kept,
    ...(labels !== undefined && { labels }),
    ...(annotations !== undefined && { annotations }),
    ...(finalizers !== undefined && { finalizers }),
    ...(managedFields !== undefined && { managedFields }),
  };
  const clean = withStatusOf({ ...old, metadata }, object);
  return kind.strategy?.prepareForStatusUpdate?.(clean, old) ?? clean;
}

/** What only the system sets is kept from the stored object, so that a client may leave it out. */
function planMetadata(given: ObjectMeta, old: ObjectMeta): ObjectMeta {
  const {
    selfLink: _selfLink,
    generation: _generation,
    deletionTimestamp: _deletionTimestamp,
    deletionGracePeriodSeconds: _grace,
    resourceVersion: _resourceVersion,
    name,
    namespace: _namespace,
    uid,
    creationTimestamp,
    generateName = old.generateName,
    managedFields = old.managedFields,
    ...rest
  } = given;
  return {
    name,
    ...(generateName !== undefined && generateName !== "" && { generateName }),
    ...(old.namespace !== undefined && { namespace: old.namespace }),
    ...(old.uid !== undefined && { uid: uid || old.uid }),
    ...(old.generation !== undefined && { generation: old.generation }),
    ...(old.creationTimestamp !== undefined && {
      creationTimestamp: creationTimestamp || old.creationTimestamp,
    }),
    ...(old.deletionTimestamp !== undefined && { deletionTimestamp: old.deletionTimestamp }),
    ...(old.deletionGracePeriodSeconds !== undefined && {
      deletionGracePeriodSeconds: old.deletionGracePeriodSeconds,
    }),
    ...rest,
    ...(old.resourceVersion !== undefined && { resourceVersion: old.resourceVersion }),
    ...(managedFields !== undefined && managedFields.length > 0 && { managedFields }),
  };
}
