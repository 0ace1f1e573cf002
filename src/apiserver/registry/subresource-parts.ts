/** What writers of a subresource other than `status` may change: the one part it is about, everything else stays. Pure. @module */
import type { KubeObject } from "#apimachinery";

type Fields = Readonly<Record<string, unknown>>;
type Part = (object: KubeObject, old: KubeObject) => KubeObject;

interface Container extends Fields {
  readonly name?: string;
  readonly resources?: unknown;
}

export const SUBRESOURCE_PARTS: Readonly<Record<string, Part>> = {
  /** Namespaces: the finalizers of their spec. */
  finalize: (object, old) => withSpec(old, { ...specOf(old), finalizers: specOf(object)["finalizers"] }),
  ephemeralcontainers: (object, old) =>
    withSpec(old, { ...specOf(old), ephemeralContainers: specOf(object)["ephemeralContainers"] }),
  /** Pods: resources of the pod and its containers. Other containers than before are left to the validation. */
  resize: (object, old) => {
    const [sent, before] = [specOf(object), specOf(old)];
    const { resources: _resources, ...rest } = before;
    const isSame = CONTAINER_LISTS.every((list) => sameNames(sent[list], before[list]));
    if (!isSame) return withSpec(old, sent);
    return withSpec(old, {
      ...rest,
      ...(sent["resources"] !== undefined && { resources: sent["resources"] }),
      containers: withResources(before["containers"], sent["containers"]),
      ...(before["initContainers"] !== undefined && {
        initContainers: withResources(before["initContainers"], sent["initContainers"]),
      }),
    });
  },
  /** Certificate signing requests: the conditions of their status. */
  approval: (object, old) => {
    const conditions = statusOf(object)["conditions"];
    return {
      ...old,
      metadata: metadataOf(object, old),
      status: { ...statusOf(old), conditions },
    } as KubeObject;
  },
};

const CONTAINER_LISTS = ["containers", "initContainers"] as const;

function sameNames(sent: unknown, old: unknown): boolean {
  return JSON.stringify(namesOf(sent)) === JSON.stringify(namesOf(old));
}

function namesOf(containers: unknown): readonly unknown[] {
  return ((containers as readonly Container[] | undefined) ?? []).map(({ name }) => name);
}

function withSpec(object: KubeObject, spec: Fields): KubeObject {
  return { ...object, spec } as KubeObject;
}

function withResources(old: unknown, sent: unknown): unknown {
  const wanted = new Map((sent as readonly Container[] | undefined)?.map((c) => [c.name, c]));
  return (old as readonly Container[] | undefined)?.map((container) => {
    const { resources } = wanted.get(container.name) ?? container;
    const { resizePolicy = container["resizePolicy"] } = (wanted.get(container.name) ?? container) as {
      resizePolicy?: unknown;
    };
    return {
      ...container,
      ...(resources !== undefined && { resources }),
      ...(resizePolicy !== undefined && { resizePolicy }),
    };
  });
}

function metadataOf(object: KubeObject, old: KubeObject): KubeObject["metadata"] {
  const { managedFields } = object.metadata;
  return managedFields === undefined ? old.metadata : { ...old.metadata, managedFields };
}

function specOf(object: KubeObject): Fields {
  return (object as { spec?: Fields }).spec ?? {};
}

function statusOf(object: KubeObject): Fields {
  return (object as { status?: Fields }).status ?? {};
}
