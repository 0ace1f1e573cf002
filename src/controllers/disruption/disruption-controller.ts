/** Keeps the status of PodDisruptionBudgets: how many pods may be evicted now. @module */
import type { Kind, KubeObject, ObjectKey } from "#apimachinery";
import { controllerOf, keyOf } from "#apimachinery";
import { Deployments } from "#api/apps/v1/deployment";
import { ReplicaSets } from "#api/apps/v1/replicaset";
import { StatefulSets } from "#api/apps/v1/statefulset";
import { Pods } from "#api/core/v1/pod";
import { ReplicationControllers } from "#api/core/v1/replicationcontroller";
import type { Pod } from "#api/core/v1/types.gen";
import { PodDisruptionBudgets } from "#api/policy/v1/poddisruptionbudget";
import type { LabelSelector } from "#api/meta/v1/types.gen";
import type { PodDisruptionBudget } from "#api/policy/v1/types.gen";
import type { Lister } from "#client";
import type { Controller, ControllerContext, Result } from "#controller-runtime";
import { source } from "#controller-runtime";
import { isPodReady } from "#api/core/v1/pod-state";
import { selectorPredicate } from "../selector.ts";
import { equalJSON } from "../template-hash.ts";
import { unlessGone } from "../unless-gone.ts";
import { failSafe, needsScale, plan } from "./plan.ts";

interface Scaled extends KubeObject {
  readonly spec?: { readonly replicas?: number };
}

/** Kinds that say how many pods they want. */
const SCALED = [
  Deployments,
  ReplicaSets,
  StatefulSets,
  ReplicationControllers,
] as unknown as readonly Kind<Scaled>[];

/** Safe on a stale cache: the status is a function of the pods, and is written with the resourceVersion it was read at. */
export function disruptionController(context: ControllerContext): Controller {
  const disruption = new Disruption(context);
  return {
    name: "disruption-controller",
    eventSource: "controllermanager",
    reconciles: PodDisruptionBudgets as Kind,
    watches: [
      source(Pods, (pod, old, change) =>
        change === "update" && !matters(pod, old) ? [] : disruption.budgetsOf(pod, old),
      ),
      ...SCALED.map((kind) => source(kind, (owner, old) => disruption.budgetsBelow(owner, old))),
    ],
    reconcile: (key, signal) => disruption.reconcile(key, signal),
  };
}

class Disruption {
  readonly #context: ControllerContext;
  readonly #budgets: Lister<PodDisruptionBudget>;
  readonly #pods: Lister<Pod>;

  constructor(context: ControllerContext) {
    this.#context = context;
    this.#budgets = context.informers.lister(PodDisruptionBudgets);
    this.#pods = context.informers.lister(Pods);
    for (const kind of SCALED) context.informers.informer(kind);
  }

  async reconcile(key: ObjectKey, signal: AbortSignal): Promise<Result> {
    const { client, clock, recorder } = this.#context;
    const pdb = this.#budgets.get(key);
    if (pdb === undefined) return {};
    const selects = selectorPredicate(pdb.spec?.selector);
    const pods = this.#pods.list(pdb.metadata.namespace).filter(({ metadata }) => selects(metadata.labels));
    if (pods.length === 0) recorder.event(pdb, "Normal", "NoPods", "No matching pods found");
    const scale = needsScale(pdb) ? this.#expectedScale(pods) : 0;
    if (typeof scale === "string") {
      const message = `Failed to calculate the number of expected pods: ${scale}`;
      recorder.event(pdb, "Warning", "CalculateExpectedPodCountFailed", message);
      const status = failSafe(pdb, scale, clock.now());
      if (!equalJSON(status, pdb.status))
        await unlessGone(client.updateStatus(PodDisruptionBudgets, { ...pdb, status }, signal));
      return {};
    }
    if (needsScale(pdb) && pods.some((pod) => controllerOf(pod) === undefined)) {
      const which = selectorText(pdb.spec?.selector);
      const message = `Pods selected by this PodDisruptionBudget (selector: ${which}) were found to be unmanaged. As a result, the status of the PDB cannot be calculated correctly, which may result in undefined behavior. To account for these pods please set ".spec.minAvailable" field of the PDB to an integer value.`;
      recorder.event(pdb, "Warning", "UnmanagedPods", message);
    }
    const { status, notDeleted, recheckInMs } = plan(pdb, pods, scale, clock.now());
    for (const pod of notDeleted) {
      recorder.event(
        pod,
        "Warning",
        "NotDeleted",
        `Pod was expected by PDB ${key} to be deleted but it wasn't`,
      );
    }
    if (!equalJSON(status, pdb.status))
      await unlessGone(client.updateStatus(PodDisruptionBudgets, { ...pdb, status }, signal));
    return recheckInMs === undefined ? {} : { requeueAfterMs: recheckInMs };
  }

  /** The sum over the pods' controllers; text when one of them cannot be found. Pods without one do not count. */
  #expectedScale(pods: readonly Pod[]): number | string {
    const scales = new Map<string, number>();
    for (const pod of pods) {
      if (controllerOf(pod) === undefined) continue;
      const owner = this.#scaledOwner(pod);
      if (owner === undefined) return `found no controllers for pod ${JSON.stringify(pod.metadata.name)}`;
      scales.set(owner.metadata.uid ?? "", owner.spec?.replicas ?? 1);
    }
    return [...scales.values()].reduce((sum, replicas) => sum + replicas, 0);
  }

  /** A ReplicaSet of a Deployment wants what the Deployment wants. */
  #scaledOwner(object: KubeObject): Scaled | undefined {
    const ref = controllerOf(object);
    const kind = SCALED.find((candidate) => candidate.kind === ref?.kind);
    if (ref === undefined || kind === undefined) return undefined;
    const key = keyOf({ metadata: { name: ref.name, namespace: object.metadata.namespace! } });
    const owner = this.#context.informers.lister(kind).get(key);
    if (owner?.metadata.uid !== ref.uid) return undefined;
    return this.#scaledOwner(owner) ?? owner;
  }

  budgetsOf(pod: Pod, old: Pod | undefined): readonly ObjectKey[] {
    const selects = ({ spec }: PodDisruptionBudget): boolean => {
      const matches = selectorPredicate(spec?.selector);
      return matches(pod.metadata.labels) || (old !== undefined && matches(old.metadata.labels));
    };
    return this.#budgets.list(pod.metadata.namespace).filter(selects).map(keyOf);
  }

  /** Only a change of size matters, and only where budgets count by it. */
  budgetsBelow(owner: Scaled, old: Scaled | undefined): readonly ObjectKey[] {
    if (old !== undefined && old.spec?.replicas === owner.spec?.replicas) return [];
    return this.#budgets.list(owner.metadata.namespace).filter(needsScale).map(keyOf);
  }
}

function matters(pod: Pod, old: Pod | undefined): boolean {
  if (old === undefined) return true;
  const isSame = isPodReady(pod) === isPodReady(old) && isTerminating(pod) === isTerminating(old);
  return !isSame || !equalJSON(pod.metadata.labels, old.metadata.labels);
}

/** As upstream shows a selector. */
function selectorText(selector: LabelSelector | undefined): string {
  if (selector === undefined) return "nil";
  const { matchLabels = {}, matchExpressions = [] } = selector;
  const labels = Object.entries(matchLabels).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const expressions = matchExpressions.map(
    ({ key, operator, values = [] }) =>
      `LabelSelectorRequirement{Key:${key},Operator:${operator},Values:[${values.join(" ")}],}`,
  );
  const text = labels.map(([key, value]) => `${key}: ${value},`).join("");
  const more = expressions.map((expression) => `${expression},`).join("");
  return `&LabelSelector{MatchLabels:map[string]string{${text}},MatchExpressions:[]LabelSelectorRequirement{${more}},}`;
}

function isTerminating({ metadata }: Pod): boolean {
  return metadata.deletionTimestamp !== undefined;
}
