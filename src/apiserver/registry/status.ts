/** The two halves of an object: what the user asks for, and `status`. @module */
import type { Kind, KubeObject } from "#apimachinery";

export function hasStatus(kind: Pick<Kind, "subresources">): boolean {
  return kind.subresources.includes("status");
}

/** Kinds that are stored with a status from the start: kubelets register nodes that way, and APIServices get theirs from a hook. */
const STATUS_ON_CREATE: ReadonlySet<string> = new Set(["core/nodes", "apiregistration.k8s.io/apiservices"]);

export function keepsStatusOnCreate(kind: Kind, resource: string): boolean {
  return !hasStatus(kind) || STATUS_ON_CREATE.has(resource);
}

export function withoutStatus(object: KubeObject): KubeObject {
  const { status: _status, ...rest } = object as KubeObject & { status?: unknown };
  return rest;
}

export function withStatusOf(object: KubeObject, source: KubeObject): KubeObject {
  const { status } = source as KubeObject & { status?: unknown };
  return status === undefined ? withoutStatus(object) : ({ ...object, status } as KubeObject);
}
