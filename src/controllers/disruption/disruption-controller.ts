/** Keeps the status of PodDisruptionBudgets: how many pods may be evicted now. @module */
import type { Kind, ObjectKey } from "#apimachinery";
import { controllerOf, isConflict, keyOf, messageOf } from "#apimachinery";
import { Pods } from "#api/core/v1/pod";
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
import type { Scaled } from "./scale-finder.ts";
import { SCALED, ScaleFinder } from "./scale-finder.ts";

/** Safe on a stale cache: the status is a function of the pods, and is written with the resourceVersion it was read at. */
export function disruptionController(context: ControllerContext): Controller {
  const disruption = new Disruption(context);
  return {
    name: "disruption-controller",
    eventSource: "controllermanager",
    reconciles: PodDisruptionBudgets as Kind,
    watches: [
      source(Pods, (pod, old, change) => {
        disruption.tellAmbiguity(pod);
        return change === "update" && !matters(pod, old) ? [] : disruption.budgetsOf(pod, old);
      }),
      ...SCALED.map((kind) => source(kind, (owner, old) => disruption.budgetsBelow(owner, old))),
    ],
    reconcile: (key, signal) => disruption.reconcile(key, signal),
  };
}

class Disruption {
  readonly #context: ControllerContext;
  readonly #budgets: Lister<PodDisruptionBudget>;
  readonly #pods: Lister<Pod>;
  readonly #scales: ScaleFinder;

  constructor(context: ControllerContext) {
    this.#context = context;
    this.#budgets = context.informers.lister(PodDisruptionBudgets);
    this.#pods = context.informers.lister(Pods);
    this.#scales = new ScaleFinder(context);
  }

  async reconcile(key: ObjectKey, signal: AbortSignal): Promise<Result> {
    const { client, clock, recorder } = this.#context;
    const pdb = this.#budgets.get(key);
    if (pdb === undefined) return {};
    const selects = selectorPredicate(pdb.spec?.selector);
    const pods = this.#pods.list(pdb.metadata.namespace).filter(({ metadata }) => selects(metadata.labels));
    if (pods.length === 0) recorder.event(pdb, "Normal", "NoPods", "No matching pods found");
    let scale = 0;
    try {
      if (needsScale(pdb)) scale = await this.#scales.expectedScale(pods, signal);
    } catch (err) {
      if (signal.aborted || isConflict(err)) throw err;
      await this.#fail(pdb, messageOf(err), signal);
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

  /** Nothing may be disrupted while it cannot be told how many pods there should be. */
  async #fail(pdb: PodDisruptionBudget, why: string, signal: AbortSignal): Promise<void> {
    const { client, clock, recorder } = this.#context;
    const message = `Failed to calculate the number of expected pods: ${why}`;
    recorder.event(pdb, "Warning", "CalculateExpectedPodCountFailed", message);
    const status = failSafe(pdb, why, clock.now());
    if (equalJSON(status, pdb.status)) return;
    await unlessGone(client.updateStatus(PodDisruptionBudgets, { ...pdb, status }, signal));
  }

  tellAmbiguity(pod: Pod): void {
    const budgets = this.#budgets.list(pod.metadata.namespace);
    if (budgets.length < 2) return;
    const [chosen, other] = budgets.filter(({ spec }) =>
      selectorPredicate(spec?.selector)(pod.metadata.labels),
    );
    if (other === undefined) return;
    const { namespace = "", name } = pod.metadata;
    this.#context.recorder.event(
      pod,
      "Warning",
      "MultiplePodDisruptionBudgets",
      `Pod "${namespace}"/"${name}" matches multiple PodDisruptionBudgets.  Chose "${chosen!.metadata.name}" arbitrarily.`,
    );
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
