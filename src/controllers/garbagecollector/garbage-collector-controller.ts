/** Deletes objects whose owners are gone, and holds back owners that wait for their dependents. @module */
import type { Kind, KubeObject, ObjectKey, OwnerReference } from "#apimachinery";
import { Namespaces } from "#api/core/v1/namespace";
import type { ObjectRef } from "#client";
import { metadataKind, newMetadataClient } from "#client";
import type { Controller, ControllerContext, Result } from "#controller-runtime";
import { source } from "#controller-runtime";
import { forEachParallel } from "../batch.ts";
import { clusterResources } from "../custom-kinds.ts";
import { watchCustomKinds } from "../custom-monitors.ts";
import type { Node } from "./graph.ts";
import { apiVersionOfNode, describeRef, FOREGROUND, Graph, matches, ORPHAN } from "./graph.ts";
import type { OwnerState } from "./plan.ts";
import { blockingDependents, plan, unblocked, withoutOwners } from "./plan.ts";
import type { ResourceSource } from "../resources.ts";
import { staticResources } from "../resources.ts";
import { unlessGone } from "../unless-gone.ts";

/** How soon an owner that exists, but that no watch has shown yet, is looked at again. */
const UNOBSERVED_OWNER_RETRY_MS = 5_000;
/** How soon a dependent of an owner whose kind is not served is looked at again: the kind may come back. */
const UNKNOWN_KIND_RETRY_MS = 30_000;

/** Events are not collected: they are many, short-lived, and nobody owns them (upstream's ignored resources). */
const IGNORED: ReadonlySet<string> = new Set(["events.", "events.events.k8s.io"]);

/**
 * Its keys are uids. Safe on a stale cache: whether owners exist is asked of the API server before anything is
 * deleted, and every delete and patch names the uid and the resourceVersion it was decided on.
 */
export function garbageCollectorController(
  context: ControllerContext,
  resources: ResourceSource = clusterResources(context),
): Controller {
  const collector = new Collector(context, resources);
  const kinds = staticResources()
    .supporting("get", "list", "watch", "delete")
    .filter((kind) => !IGNORED.has(`${kind.names.plural}.${kind.group}`));
  return {
    name: "garbage-collector-controller",
    eventSource: "garbage-collector-controller",
    // Whose own keys are no uids and so mean nothing here; all changes, also of this kind, come through `watches`.
    reconciles: Namespaces as Kind,
    watches: kinds.map((kind) =>
      source(kind, (object, _old, change) => collector.observe(kind, object, change)),
    ),
    background: (enqueue, signal) =>
      watchCustomKinds(
        context,
        (kind, object, change) => collector.observe(kind, object, change),
        enqueue,
        signal,
      ),
    reconcile: (key, signal) => collector.reconcile(key, signal),
  };
}

class Collector {
  readonly #context: ControllerContext;
  readonly #resources: ResourceSource;
  readonly #metadata: ReturnType<typeof newMetadataClient>;
  readonly #graph = new Graph();

  constructor(context: ControllerContext, resources: ResourceSource) {
    this.#context = context;
    this.#resources = resources;
    this.#metadata = newMetadataClient(context.client.transport);
  }

  observe(kind: Kind, object: KubeObject, change: "add" | "update" | "delete"): readonly ObjectKey[] {
    return this.#graph.observe(kind, object, change);
  }

  async reconcile(uid: string, signal: AbortSignal): Promise<Result> {
    const node = this.#graph.get(uid);
    if (node === undefined) return {};
    if (node.isOrphaning) return this.#orphanDependents(node, signal);
    if (node.isDeletingDependents) return this.#finishForeground(node, signal);
    if (node.isBeingDeleted || this.#isOwned(node)) return {};
    return this.#attemptToDelete(node, signal);
  }

  /** Every owner was seen, is the one meant, and stays: nothing to ask the API server. */
  #isOwned(node: Node): boolean {
    return node.owners.every((ref) => {
      const owner = this.#graph.get(ref.uid);
      return owner !== undefined && matches(node, ref, owner) && !owner.isDeletingDependents;
    });
  }

  async #attemptToDelete(node: Node, signal: AbortSignal): Promise<Result> {
    const latest = await this.#live(node.kind, refOf(node), signal);
    // Gone, or another object of the same name: the watch will say so.
    if (latest === undefined || latest.metadata.uid !== node.uid) return {};
    const refs = latest.metadata.ownerReferences ?? [];
    const states = new Map<OwnerReference, OwnerState>();
    let isUnobserved = false;
    for (const ref of refs) {
      const state = await this.#stateOf(node, ref, signal);
      if (state === "unknown") return { requeueAfterMs: UNKNOWN_KIND_RETRY_MS };
      isUnobserved ||= state === "solid" && this.#graph.get(ref.uid) === undefined;
      states.set(ref, state);
    }
    const action = plan(latest, states, this.#graph.dependentsOf(node.uid));
    if (action.type === "removeOwners") {
      await this.#patch(node.kind, latest, { ownerReferences: withoutOwners(refs, action.uids) }, signal);
    } else if (action.type === "delete") {
      const current = action.unblock
        ? await this.#patch(node.kind, latest, { ownerReferences: unblocked(refs) }, signal)
        : latest;
      if (current !== undefined) await this.#delete(node, current, action.propagationPolicy, signal);
    }
    return isUnobserved ? { requeueAfterMs: UNOBSERVED_OWNER_RETRY_MS } : {};
  }

  /** "unknown": nothing can be said, as the kind is not served or cannot own this object. */
  async #stateOf(node: Node, ref: OwnerReference, signal: AbortSignal): Promise<OwnerState | "unknown"> {
    const observed = this.#graph.get(ref.uid);
    if (observed !== undefined && observed.namespace !== "" && observed.namespace !== node.namespace) {
      this.#reportInvalidNamespace(node, ref);
    }
    if (this.#graph.isAbsent(ref.uid)) return "dangling";
    const kind = this.#resources.mapping(ref.apiVersion, ref.kind);
    if (kind === undefined) {
      this.#context.logger.warn("An owner reference names a kind that is not served", {
        owner: describeRef(ref, node.namespace),
      });
      return "unknown";
    }
    // A cluster-scoped object cannot say in which namespace its owner is.
    if (kind.scope === "Namespaced" && node.namespace === "") return "unknown";
    const key =
      kind.scope === "Namespaced" ? { namespace: node.namespace, name: ref.name } : { name: ref.name };
    const owner = await this.#live(kind, key, signal);
    if (owner === undefined || owner.metadata.uid !== ref.uid) return "dangling";
    const isWaiting =
      owner.metadata.deletionTimestamp !== undefined &&
      owner.metadata.finalizers?.includes(FOREGROUND) === true;
    return isWaiting ? "waiting" : "solid";
  }

  /** New dependents come through the graph while this waits; each one's end brings the owner here again. */
  async #finishForeground(node: Node, signal: AbortSignal): Promise<Result> {
    if (blockingDependents(node, this.#graph.dependentsOf(node.uid)).length > 0) return {};
    await this.#removeFinalizer(node, FOREGROUND, signal);
    return {};
  }

  async #orphanDependents(node: Node, signal: AbortSignal): Promise<Result> {
    await forEachParallel(this.#graph.dependentsOf(node.uid), async (dependent) => {
      const latest = await this.#live(dependent.kind, refOf(dependent), signal);
      const refs = latest?.metadata.ownerReferences ?? [];
      if (latest?.metadata.uid !== dependent.uid || !refs.some(({ uid }) => uid === node.uid)) return;
      await this.#patch(dependent.kind, latest, { ownerReferences: withoutOwners(refs, [node.uid]) }, signal);
    });
    await this.#removeFinalizer(node, ORPHAN, signal);
    return {};
  }

  async #removeFinalizer(node: Node, finalizer: string, signal: AbortSignal): Promise<void> {
    const latest = await this.#live(node.kind, refOf(node), signal);
    const finalizers = latest?.metadata.finalizers ?? [];
    if (latest?.metadata.uid !== node.uid || !finalizers.includes(finalizer)) return;
    await this.#patch(
      node.kind,
      latest,
      { finalizers: finalizers.filter((name) => name !== finalizer) },
      signal,
    );
  }

  #live(kind: Kind, ref: ObjectRef, signal: AbortSignal): Promise<KubeObject | undefined> {
    return unlessGone(this.#metadata.get(metadataKind(kind), ref, signal));
  }

  /** Undefined when the object is gone. */
  #patch(
    kind: Kind,
    { metadata }: KubeObject,
    change: Readonly<Record<string, unknown>>,
    signal: AbortSignal,
  ): Promise<KubeObject | undefined> {
    const { uid, resourceVersion } = metadata;
    const body = { metadata: { uid, resourceVersion, ...change } };
    return unlessGone(this.#metadata.patch(metadataKind(kind), metadata, { type: "merge", body }, signal));
  }

  async #delete(
    node: Node,
    { metadata }: KubeObject,
    propagationPolicy: "Orphan" | "Foreground" | "Background",
    signal: AbortSignal,
  ): Promise<void> {
    const { uid, resourceVersion } = metadata;
    const preconditions = { uid: uid!, resourceVersion: resourceVersion! };
    await unlessGone(
      this.#context.client.delete(node.kind, metadata, signal, { propagationPolicy, preconditions }),
    );
  }

  #reportInvalidNamespace(node: Node, ref: OwnerReference): void {
    const { name, namespace, uid } = node;
    const about = {
      apiVersion: apiVersionOfNode(node),
      kind: node.kind.kind,
      metadata: { name, namespace, uid },
    };
    const message = `ownerRef ${describeRef(ref, namespace)} does not exist in namespace ${JSON.stringify(namespace)}`;
    this.#context.recorder.event(about, "Warning", "OwnerRefInvalidNamespace", message);
  }
}

function refOf({ name, namespace }: Node): ObjectRef {
  return namespace === "" ? { name } : { namespace, name };
}
