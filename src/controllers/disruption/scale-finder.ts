/** How many pods the controller of a pod wants, whatever its kind. @module */
import type { Kind, KubeObject, OwnerReference } from "#apimachinery";
import { controllerOf, isNotFound, keyOf } from "#apimachinery";
import { Deployments } from "#api/apps/v1/deployment";
import { ReplicaSets } from "#api/apps/v1/replicaset";
import { StatefulSets } from "#api/apps/v1/statefulset";
import type { Scale } from "#api/autoscaling/v1/types.gen";
import { ReplicationControllers } from "#api/core/v1/replicationcontroller";
import type { Pod } from "#api/core/v1/types.gen";
import type { RestMapper } from "#client";
import { newRestMapper } from "#client";
import type { ControllerContext } from "#controller-runtime";

export interface Scaled extends KubeObject {
  readonly spec?: { readonly replicas?: number };
}

/** Kinds that say in the cache how many pods they want; every other is asked for its scale. */
export const SCALED = [
  Deployments,
  ReplicaSets,
  StatefulSets,
  ReplicationControllers,
] as unknown as readonly Kind<Scaled>[];

interface ControllerAndScale {
  readonly uid: string;
  readonly replicas: number;
}

export class ScaleFinder {
  readonly #context: ControllerContext;
  readonly #mapper: RestMapper;

  constructor(context: ControllerContext) {
    this.#context = context;
    this.#mapper = newRestMapper(context.client.transport, context.clock);
    for (const kind of SCALED) context.informers.informer(kind);
  }

  /** The sum over the pods' controllers. Pods without one do not count. Rejects when a controller cannot be found or asked. */
  async expectedScale(pods: readonly Pod[], signal: AbortSignal): Promise<number> {
    const scales = new Map<string, number>();
    for (const pod of pods) {
      const ref = controllerOf(pod);
      if (ref === undefined || scales.has(ref.uid)) continue;
      const found = this.#fromCache(pod) ?? (await this.#fromScale(ref, pod.metadata.namespace!, signal));
      if (found === undefined)
        throw new Error(`found no controllers for pod ${JSON.stringify(pod.metadata.name)}`);
      scales.set(found.uid, found.replicas);
    }
    return [...scales.values()].reduce((sum, replicas) => sum + replicas, 0);
  }

  #fromCache(pod: Pod): ControllerAndScale | undefined {
    const owner = this.#scaledOwner(pod);
    return owner && { uid: owner.metadata.uid ?? "", replicas: owner.spec?.replicas ?? 1 };
  }

  /** A ReplicaSet of a Deployment wants what the Deployment wants. */
  #scaledOwner(object: KubeObject): Scaled | undefined {
    const ref = controllerOf(object);
    const kind = ref && SCALED.find((one) => one.kind === ref.kind && one.group === groupOf(ref));
    if (kind === undefined) return undefined;
    const key = keyOf({ metadata: { name: ref!.name, namespace: object.metadata.namespace! } });
    const owner = this.#context.informers.lister(kind).get(key);
    if (owner?.metadata.uid !== ref!.uid) return undefined;
    return this.#scaledOwner(owner) ?? owner;
  }

  /** Undefined: the controller is gone, or another has its name. */
  async #fromScale(
    ref: OwnerReference,
    namespace: string,
    signal: AbortSignal,
  ): Promise<ControllerAndScale | undefined> {
    const kind = await this.#kindOf(ref, signal);
    if (kind === undefined) {
      throw new Error(
        `no matches for kind ${JSON.stringify(ref.kind)} in version ${JSON.stringify(ref.apiVersion)}`,
      );
    }
    try {
      const at = { namespace, name: ref.name };
      const scale = (await this.#context.client.getSubresource(kind, at, "scale", signal)) as Scale;
      if (scale.metadata.uid !== ref.uid) return undefined;
      return { uid: ref.uid, replicas: scale.spec?.replicas ?? 0 };
    } catch (err) {
      if (!isNotFound(err)) throw err;
    }
    // It may have got a scale since it was discovered.
    this.#mapper.reset();
    const latest = await this.#kindOf(ref, signal);
    if (latest?.subresources.includes("scale") === true) return undefined;
    const resource = kind.group === "" ? kind.names.plural : `${kind.names.plural}.${kind.group}`;
    throw new Error(`${resource} does not implement the scale subresource`);
  }

  #kindOf(ref: OwnerReference, signal: AbortSignal): ReturnType<RestMapper["kindFor"]> {
    const version = ref.apiVersion.slice(ref.apiVersion.indexOf("/") + 1);
    return this.#mapper.kindFor({ group: groupOf(ref), kind: ref.kind, version }, signal);
  }
}

function groupOf({ apiVersion }: OwnerReference): string {
  return apiVersion.includes("/") ? apiVersion.slice(0, apiVersion.indexOf("/")) : "";
}
