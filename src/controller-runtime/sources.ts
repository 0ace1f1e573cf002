/** Which changes enqueue which keys. @module */
import { controllerOf, keyOf, type Kind, type KubeObject, type ObjectKey } from "#apimachinery";
import type { InformerFactory } from "#client";
import { source, type Controller, type Source } from "./controller.ts";

/** Registers the controller's handlers. Returns a function that removes them. */
export function wireSources(
  controller: Controller,
  informers: InformerFactory,
  enqueue: (key: ObjectKey) => void,
): () => void {
  const { reconciles, enqueues = () => true, owns = [], watches = [] } = controller;
  const sources = [
    source(reconciles, (object, _old, change) =>
      change === "delete" || enqueues(object) ? [keyOf(object)] : [],
    ),
    ...owns.map((kind) => ownedBy(reconciles, kind)),
    ...watches,
  ];
  const removers = sources.map((each) => wire(each, informers, enqueue));
  return () => removers.forEach((remove) => remove());
}

function wire(
  { kind, keys }: Source,
  informers: InformerFactory,
  enqueue: (key: ObjectKey) => void,
): () => void {
  return informers.informer(kind).addEventHandler({
    onAdd: (object) => keys(object, undefined, "add").forEach(enqueue),
    onUpdate: (object, old) => keys(object, old, "update").forEach(enqueue),
    onDelete: (object) => keys(object, undefined, "delete").forEach(enqueue),
  });
}

/** Changes of `owned` enqueue the controlling owner; after an adoption or a release, both the old and the new one. */
export function ownedBy(owner: Kind, owned: Kind): Source {
  return source(owned, (object, old) => {
    const now = ownerKey(owner, object);
    const before = old === undefined ? undefined : ownerKey(owner, old);
    const keys = before === now ? [now] : [before, now];
    return keys.filter((key) => key !== undefined);
  });
}

/** Any version of the owner's group counts: the reference may be older than the served version. */
function ownerKey(owner: Kind, object: KubeObject): ObjectKey | undefined {
  const ref = controllerOf(object);
  if (ref === undefined || ref.kind !== owner.kind) return undefined;
  const slash = ref.apiVersion.indexOf("/");
  if ((slash < 0 ? "" : ref.apiVersion.slice(0, slash)) !== owner.group) return undefined;
  if (owner.scope === "Cluster") return ref.name;
  return `${object.metadata.namespace}/${ref.name}`;
}
