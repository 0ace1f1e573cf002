/** Objects that every cluster has from its first moment; created when missing, never overwritten. @module */
import { formatTime, isAlreadyExists, unless, type KubeObject } from "#apimachinery";
import type { RequestContext } from "../registry/context.ts";
import type { Registry } from "../registry/registry.ts";

export interface BootstrapObject {
  /** `core/namespaces`. */
  readonly resource: string;
  readonly object: KubeObject;
}

export const SYSTEM_NAMESPACES: readonly string[] = [
  "kube-system",
  "kube-public",
  "kube-node-lease",
  "default",
];

const SYSTEM_PRIORITY_CLASSES = [
  [
    "system-node-critical",
    2_000_001_000,
    "Used for system critical pods that must not be moved from their current node.",
  ],
  [
    "system-cluster-critical",
    2_000_000_000,
    "Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.",
  ],
] as const;

export function namespaceObjects(): readonly BootstrapObject[] {
  return SYSTEM_NAMESPACES.map((name) => ({
    resource: "core/namespaces",
    object: { apiVersion: "v1", kind: "Namespace", metadata: { name } },
  }));
}

export function priorityClassObjects(): readonly BootstrapObject[] {
  return SYSTEM_PRIORITY_CLASSES.map(([name, value, description]) => ({
    resource: "scheduling.k8s.io/priorityclasses",
    object: {
      apiVersion: "scheduling.k8s.io/v1",
      kind: "PriorityClass",
      metadata: { name },
      value,
      description,
    } as KubeObject,
  }));
}

/** Since when the use of legacy tokens is noted: before, nobody can say that one was not used. */
export function legacyTokenTracking(nowMs: number): BootstrapObject {
  return {
    resource: "core/configmaps",
    object: {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: "kube-apiserver-legacy-service-account-token-tracking", namespace: "kube-system" },
      data: { since: formatTime(nowMs).slice(0, 10) },
    } as KubeObject,
  };
}

/**
 * All at once, so that they share a commit of the store. Resources that this server does not serve are left out: a test
 * may serve a few kinds only.
 */
export async function createMissing(
  registry: Registry,
  objects: readonly BootstrapObject[],
  context: RequestContext,
): Promise<void> {
  await Promise.all(objects.map((object) => createIfMissing(registry, object, context)));
}

async function createIfMissing(
  registry: Registry,
  { resource, object }: BootstrapObject,
  context: RequestContext,
): Promise<void> {
  const store = registry.findStore(resource);
  if (store === undefined) return;
  const { name, namespace = "" } = object.metadata;
  if (store.cache.get(store.key(namespace, name)) !== undefined) return;
  await unless(isAlreadyExists, store.create(namespace, registry.scheme.applyDefaults(object), context));
}

/** Creates what is missing and brings what is there to this state: the endpoints of this server may have moved. */
export async function createOrReplace(
  registry: Registry,
  objects: readonly BootstrapObject[],
  context: RequestContext,
): Promise<void> {
  for (const { resource, object } of objects) {
    const store = registry.findStore(resource);
    if (store === undefined) continue;
    const { name, namespace = "" } = object.metadata;
    const wanted = registry.scheme.applyDefaults(object);
    const update = { subresource: "", mayCreate: true, transform: () => wanted };
    await store.update(namespace, name, update, context);
  }
}
