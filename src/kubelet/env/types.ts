/** What environment variables and volumes are made from besides the pod. @module */
import type { ConfigMap, Secret, Service } from "#api/core/v1/types.gen";

/** Allocatable amounts of the node, for limits that a container does not set. */
export interface NodeCapacity {
  readonly allocatable: Readonly<Record<string, string>>;
}

/** Resolves to undefined when the object does not exist. */
export interface ObjectSource {
  configMap(namespace: string, name: string, signal: AbortSignal): Promise<ConfigMap | undefined>;
  secret(namespace: string, name: string, signal: AbortSignal): Promise<Secret | undefined>;
  services(): readonly Service[];
}
