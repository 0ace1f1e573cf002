/** The object that a create stores, from the one that was sent; upstream's `rest.BeforeCreate`. Pure. @module */
import { badRequest, StatusError, type Kind, type KubeObject, type ObjectMeta } from "#apimachinery";
import { keepsStatusOnCreate, withoutStatus } from "./status.ts";

export interface CreateFacts {
  /** The namespace of the request; "" for cluster-scoped kinds. */
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly creationTimestamp: string;
  readonly hasGeneration: boolean;
}

/** Refuses what no create may carry, before anything is decided. */
export function checkCreate(object: KubeObject, namespace: string): void {
  const { metadata } = object;
  if (metadata.resourceVersion !== undefined && metadata.resourceVersion !== "") {
    throw new StatusError("Unknown", "resourceVersion should not be set on objects to be created");
  }
  checkNamespace(metadata.namespace, namespace);
}

export function checkNamespace(inObject: string | undefined, inRequest: string): void {
  if (inObject === undefined || inObject === "" || inObject === inRequest || inRequest === "") return;
  throw badRequest(`the namespace of the provided object does not match the namespace sent on the request`);
}

export function planCreate(kind: Kind, resource: string, object: KubeObject, facts: CreateFacts): KubeObject {
  const prepared = { ...object, metadata: planMetadata(object.metadata, facts) };
  const clean = keepsStatusOnCreate(kind, resource) ? prepared : withoutStatus(prepared);
  const finished = kind.strategy?.prepareForCreate?.(clean) ?? clean;
  if (!facts.hasGeneration) return finished;
  return { ...finished, metadata: { ...finished.metadata, generation: 1 } };
}

function planMetadata(given: ObjectMeta, facts: CreateFacts): ObjectMeta {
  const {
    name: _name,
    namespace: _namespace,
    uid: _uid,
    selfLink: _selfLink,
    resourceVersion: _resourceVersion,
    generation: _generation,
    creationTimestamp: _creationTimestamp,
    deletionTimestamp: _deletionTimestamp,
    deletionGracePeriodSeconds: _grace,
    generateName,
    ...rest
  } = given;
  return {
    name: facts.name,
    ...(generateName !== undefined && generateName !== "" && { generateName }),
    ...(facts.namespace !== "" && { namespace: facts.namespace }),
    uid: facts.uid,
    creationTimestamp: facts.creationTimestamp,
    ...rest,
  };
}
