/** Scales workloads by what their pods use. @module */
import type { Kind, KubeObject, ObjectKey } from "#apimachinery";
import { asError, isConflict, labels, messageOf } from "#apimachinery";
import { HorizontalPodAutoscalers } from "#api/autoscaling/v2/horizontalpodautoscaler";
import type {
  HorizontalPodAutoscaler,
  HorizontalPodAutoscalerCondition,
  HorizontalPodAutoscalerStatus,
  MetricSpec,
} from "#api/autoscaling/v2/types.gen";
import type { Scale } from "#api/autoscaling/v1/types.gen";
import { Pods } from "#api/core/v1/pod";
import type { Pod } from "#api/core/v1/types.gen";
import type { Lister } from "#client";
import type { Controller, ControllerContext, Result } from "#controller-runtime";
import { clusterResources } from "../custom-kinds.ts";
import { LastWrites } from "../last-writes.ts";
import type { ResourceSource as KindSource } from "../resources.ts";
import { equalJSON } from "../template-hash.ts";
import { unlessGone } from "../unless-gone.ts";
import type { ErrorLabel } from "./autoscaler-metrics.ts";
import { actionOf, AutoscalerMetrics } from "./autoscaler-metrics.ts";
import type { Memory } from "./behavior.ts";
import type { ScaleState } from "./compute-custom-metric.ts";
import { computeExternalMetric, computeObjectMetric, computePodsMetric } from "./compute-custom-metric.ts";
import { computeMetric, resourceSourceOf } from "./compute-metric.ts";
import { CustomMetricsVersion } from "./custom-metrics-version.ts";
import { fetchExternalMetric, fetchObjectMetric, fetchPodsMetric } from "./custom-metrics.ts";
import type { Usages } from "./metrics.ts";
import { fetchUsages } from "./metrics.ts";
import type { MetricResult, Plan } from "./plan.ts";
import { needsMetrics, plan, setCondition } from "./plan.ts";
import { ambiguity, TargetSelectors } from "./selectors.ts";

/** Upstream's `--horizontal-pod-autoscaler-sync-period`. */
const SYNC_PERIOD_MS = 15_000;
/** Conflicts in a row until the rescaling has failed. */
const RESCALE_TRIES_MAX = 5;

/** Safe on a stale cache: the scale is read and written live; a cache behind the last status is waited for. */
export function horizontalPodAutoscalerController(
  context: ControllerContext,
  kinds: KindSource = clusterResources(context),
): Controller {
  const autoscaler = new Autoscaler(context, kinds);
  return {
    name: "horizontal-pod-autoscaler-controller",
    eventSource: "horizontal-pod-autoscaler",
    reconciles: HorizontalPodAutoscalers as unknown as Kind,
    reconcile: (key, signal) => autoscaler.reconcile(key, signal),
  };
}

class Autoscaler {
  readonly #context: ControllerContext;
  readonly #kinds: KindSource;
  readonly #autoscalers: Lister<HorizontalPodAutoscaler>;
  readonly #pods: Lister<Pod>;
  readonly #lastWrites = new LastWrites();
  /** Bounded by the autoscalers that exist. */
  readonly #memories = new Map<ObjectKey, Memory>();
  readonly #selectors = new TargetSelectors();
  readonly #customVersion: CustomMetricsVersion;
  readonly #metricsOfMine: AutoscalerMetrics;
  readonly #lastRuns = new Map<ObjectKey, { readonly spec: unknown; readonly atMs: number }>();

  constructor(context: ControllerContext, kinds: KindSource) {
    this.#context = context;
    this.#kinds = kinds;
    this.#autoscalers = context.informers.lister(HorizontalPodAutoscalers);
    this.#pods = context.informers.lister(Pods);
    this.#customVersion = new CustomMetricsVersion(context.client, context.clock);
    this.#metricsOfMine = new AutoscalerMetrics(context.metrics);
  }

  async reconcile(key: ObjectKey, signal: AbortSignal): Promise<Result> {
    const hpa = this.#autoscalers.get(key);
    if (hpa === undefined) {
      this.#lastWrites.forget(key);
      this.#memories.delete(key);
      this.#selectors.forget(key);
      this.#metricsOfMine.gone(key);
      this.#lastRuns.delete(key);
      return {};
    }
    if (this.#lastWrites.isBehind(hpa)) return {};
    const waitMs = this.#waitMs(key, hpa);
    if (waitMs > 0) return { requeueAfterMs: waitMs };
    this.#lastRuns.set(key, { spec: hpa.spec, atMs: this.#context.clock.monotonicMs() });
    this.#metricsOfMine.exists(key);
    const startMs = this.#context.clock.monotonicMs();
    const { action, error } = await this.#run(key, hpa, signal);
    this.#metricsOfMine.reconciled(action, error, this.#context.clock.monotonicMs() - startMs);
    return { requeueAfterMs: SYNC_PERIOD_MS };
  }

  /** A status that was just written is no reason to look again. */
  #waitMs(key: ObjectKey, { spec }: HorizontalPodAutoscaler): number {
    const last = this.#lastRuns.get(key);
    if (last === undefined || !equalJSON(last.spec, spec)) return 0;
    return last.atMs + SYNC_PERIOD_MS - this.#context.clock.monotonicMs();
  }

  async #run(key: ObjectKey, hpa: HorizontalPodAutoscaler, signal: AbortSignal): Promise<Outcome> {
    const kind = this.#kindOf(hpa);
    const scale = kind instanceof Error ? kind : await this.#scaleOf(hpa, kind, signal);
    if (scale instanceof Error || kind instanceof Error) {
      const reason = messageOf(scale);
      const message = `the HPA controller was unable to get the target's current scale: ${reason}`;
      this.#tell(hpa, "Warning", "FailedGetScale", reason);
      const condition = { type: "AbleToScale", status: "False", reason: "FailedGetScale", message };
      await this.#fail(hpa, condition, signal);
      return FAILED;
    }
    const current = scale.spec?.replicas ?? 0;
    const selector = needsMetrics(hpa, current) ? this.#selectorOf(key, scale) : "";
    if (selector instanceof SelectorProblem) {
      this.#tell(hpa, "Warning", selector.reason, selector.event);
      this.#tell(hpa, "Warning", "FailedComputeMetricsReplicas", selector.event);
      const { condition: reason, message } = selector;
      await this.#fail(hpa, { type: "ScalingActive", status: "False", reason, message }, signal);
      return FAILED;
    }
    const metrics = selector === "" ? [] : await this.#metrics(hpa, scale, selector, signal);
    const memory = this.#memories.get(key) ?? { recommendations: [], changes: [] };
    const p = plan(hpa, { current, metrics, memory, nowMs: this.#context.clock.now() });
    const error = metrics.some((metric) => "error" in metric) ? "internal" : "none";
    if (!(await this.#carryOut(key, hpa, kind, scale, p, signal))) return FAILED;
    return { action: actionOf(p.scaleTo, current), error };
  }

  async #carryOut(
    key: ObjectKey,
    hpa: HorizontalPodAutoscaler,
    kind: Kind,
    scale: Scale,
    p: Plan,
    signal: AbortSignal,
  ): Promise<boolean> {
    if (p.scaleTo !== undefined) {
      try {
        await this.#rescale(hpa, kind, scale, p.scaleTo, signal);
      } catch (err) {
        const event = `New size: ${p.scaleTo}; reason: ${p.why}; error: ${messageOf(err)}`;
        const message = `the HPA controller was unable to update the target scale: ${messageOf(err)}`;
        this.#tell(hpa, "Warning", "FailedRescale", event);
        const condition = { type: "AbleToScale", status: "False", reason: "FailedUpdateScale", message };
        await this.#fail(hpa, condition, signal);
        return false;
      }
    }
    for (const { type, reason, message } of p.events) this.#tell(hpa, type, reason, message);
    this.#memories.set(key, p.memory);
    this.#metricsOfMine.desires(key, p.status.desiredReplicas);
    await this.#writeStatus(hpa, p.status, signal);
    return true;
  }

  /** The workload changes all the time: a conflict says nothing about its size, so the new state is scaled instead. */
  async #rescale(
    hpa: HorizontalPodAutoscaler,
    kind: Kind,
    scale: Scale,
    replicas: number,
    signal: AbortSignal,
  ): Promise<void> {
    const { client } = this.#context;
    let latest = scale;
    for (let tries = 1; ; tries++) {
      const body = { ...latest, spec: { ...latest.spec, replicas } };
      try {
        await client.updateSubresource(kind, latest.metadata, "scale", body, signal);
        return;
      } catch (err) {
        if (!isConflict(err) || tries === RESCALE_TRIES_MAX) throw err;
      }
      const fresh = await this.#scaleOf(hpa, kind, signal);
      if (fresh instanceof Error) throw fresh;
      latest = fresh;
    }
  }

  /** What is served of the kind that the target names. */
  #kindOf({ spec }: HorizontalPodAutoscaler): Kind | Error {
    const { apiVersion = "", kind } = spec.scaleTargetRef;
    const found = this.#kinds.mapping(apiVersion, kind);
    const group = apiVersion.includes("/") ? apiVersion.slice(0, apiVersion.indexOf("/")) : "";
    return (
      found ?? new Error(`no matches for kind ${JSON.stringify(kind)} in group ${JSON.stringify(group)}`)
    );
  }

  async #scaleOf(
    { metadata, spec }: HorizontalPodAutoscaler,
    kind: Kind,
    signal: AbortSignal,
  ): Promise<Scale | Error> {
    const ref = { namespace: metadata.namespace!, name: spec.scaleTargetRef.name };
    try {
      return (await this.#context.client.getSubresource(kind, ref, "scale", signal)) as Scale;
    } catch (err) {
      if (signal.aborted) throw err;
      return asError(err);
    }
  }

  async #metrics(
    hpa: HorizontalPodAutoscaler,
    scale: Scale,
    selector: string,
    signal: AbortSignal,
  ): Promise<readonly MetricResult[]> {
    const { namespace = "" } = hpa.metadata;
    const current = scale.spec?.replicas ?? 0;
    const parsed = labels.parse(selector);
    const pods = this.#pods.list(namespace).filter(({ metadata }) => labels.matches(parsed, metadata.labels));
    const nowMs = this.#context.clock.now();
    const state: ScaleState = { current, observed: scale.status?.replicas ?? 0, pods, nowMs };
    const results: MetricResult[] = [];
    for (const spec of hpa.spec.metrics ?? []) {
      const startMs = this.#context.clock.monotonicMs();
      const result = await this.#metric(hpa, spec, state, selector, signal);
      const proposed = "replicas" in result ? result.replicas : undefined;
      const action = actionOf(proposed, hpa.status?.currentReplicas ?? 0);
      const durationMs = this.#context.clock.monotonicMs() - startMs;
      this.#metricsOfMine.computed(spec.type, action, errorOf(result), durationMs);
      results.push(result);
    }
    return results;
  }

  async #metric(
    hpa: HorizontalPodAutoscaler,
    spec: MetricSpec,
    state: ScaleState,
    selector: string,
    signal: AbortSignal,
  ): Promise<MetricResult> {
    const { namespace = "" } = hpa.metadata;
    const custom = await this.#customMetric(hpa, spec, state, selector, signal);
    if (custom !== undefined) return custom;
    const source = resourceSourceOf(spec);
    const usages =
      source === undefined
        ? new Map()
        : await this.#usages(
            {
              namespace,
              labelSelector: selector,
              resource: source.name,
              ...(source.container !== undefined && { container: source.container }),
            },
            signal,
          );
    return computeMetric(hpa, spec, state.current, state.pods, usages, state.nowMs);
  }

  /** Undefined for the metrics of the resource metrics API. */
  async #customMetric(
    hpa: HorizontalPodAutoscaler,
    { type, pods, object, external }: MetricSpec,
    state: ScaleState,
    selector: string,
    signal: AbortSignal,
  ): Promise<MetricResult | undefined> {
    const { client } = this.#context;
    const { namespace = "" } = hpa.metadata;
    if (type === "Pods" && pods !== undefined) {
      const read = fetchPodsMetric(client, this.#customVersion, namespace, pods.metric, selector, signal);
      return computePodsMetric(hpa, pods, state, await orError(read, signal));
    }
    if (type === "Object" && object !== undefined) {
      const { apiVersion = "", kind, name } = object.describedObject;
      const found = this.#kinds.mapping(apiVersion, kind);
      const read =
        found === undefined
          ? Promise.reject(new Error(`unable to map object ${apiVersion}/${kind} to a resource`))
          : fetchObjectMetric(client, this.#customVersion, namespace, found, name, object.metric, signal);
      return computeObjectMetric(hpa, object, state, await orError(read, signal));
    }
    if (type !== "External" || external === undefined) return undefined;
    const read = fetchExternalMetric(client, namespace, external.metric, signal);
    return computeExternalMetric(hpa, external, state, await orError(read, signal));
  }

  #selectorOf(key: ObjectKey, scale: Scale): string | SelectorProblem {
    const selector = selectorOf(scale);
    if (selector instanceof SelectorProblem) return selector;
    const parsed = labels.parse(selector);
    this.#selectors.put(key, parsed);
    const namespace = key.slice(0, key.indexOf("/"));
    const pods = this.#pods.list(namespace).filter(({ metadata }) => labels.matches(parsed, metadata.labels));
    const selecting = this.#selectors.selecting(namespace, pods);
    if (selecting.length <= 1) return selector;
    const message = ambiguity(selector, selecting);
    return new SelectorProblem("AmbiguousSelector", message, message, "AmbiguousSelector");
  }

  async #usages(metric: Parameters<typeof fetchUsages>[1], signal: AbortSignal): Promise<Usages | Error> {
    return await orError(fetchUsages(this.#context.client, metric, signal), signal);
  }

  async #fail(
    hpa: HorizontalPodAutoscaler,
    condition: Omit<HorizontalPodAutoscalerCondition, "lastTransitionTime">,
    signal: AbortSignal,
  ): Promise<void> {
    const before = hpa.status ?? { desiredReplicas: 0 };
    const conditions = setCondition(before.conditions ?? [], condition, this.#context.clock.now());
    await this.#writeStatus(hpa, { ...before, conditions }, signal);
  }

  async #writeStatus(
    hpa: HorizontalPodAutoscaler,
    status: HorizontalPodAutoscalerStatus,
    signal: AbortSignal,
  ): Promise<void> {
    if (equalJSON(status, hpa.status)) return;
    const write = this.#context.client.updateStatus(HorizontalPodAutoscalers, { ...hpa, status }, signal);
    try {
      this.#lastWrites.note(await unlessGone(write));
    } catch (err) {
      if (!signal.aborted) this.#tell(hpa, "Warning", "FailedUpdateStatus", messageOf(err));
      throw err;
    }
  }

  #tell(about: KubeObject, type: "Normal" | "Warning", reason: string, message: string): void {
    this.#context.recorder.event(about, type, reason, message);
  }
}

interface Outcome {
  readonly action: string;
  readonly error: ErrorLabel;
}

const FAILED: Outcome = { action: "none", error: "internal" };

function errorOf(result: MetricResult): ErrorLabel {
  if (!("error" in result)) return "none";
  return result.reason === "InvalidMetricSourceType" ? "spec" : "internal";
}

async function orError<T>(read: Promise<T>, signal: AbortSignal): Promise<T | Error> {
  try {
    return await read;
  } catch (err) {
    if (signal.aborted) throw err;
    return asError(err);
  }
}

/** The target's pods cannot be told from others. */
class SelectorProblem {
  readonly reason: string;
  readonly event: string;
  readonly message: string;
  /** The condition's reason. */
  readonly condition: string;

  constructor(reason: string, event: string, message: string, condition = "InvalidSelector") {
    this.condition = condition;
    this.reason = reason;
    this.event = event;
    this.message = message;
  }
}

function selectorOf({ status }: Scale): string | SelectorProblem {
  const selector = status?.selector ?? "";
  if (selector === "") {
    const message = "the HPA target's scale is missing a selector";
    return new SelectorProblem("SelectorRequired", "selector is required", message);
  }
  try {
    labels.parse(selector);
    return selector;
  } catch (err) {
    if (!(err instanceof labels.SelectorError)) throw err;
    const message = `couldn't convert selector into a corresponding internal selector object: ${err.message}`;
    return new SelectorProblem("InvalidSelector", message, message);
  }
}
