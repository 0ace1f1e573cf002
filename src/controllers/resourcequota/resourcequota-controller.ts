/** Counts what is used of each ResourceQuota. @module */
import type { Kind, KubeObject, ObjectKey } from "#apimachinery";
import { keyOf } from "#apimachinery";
import { Pods } from "#api/core/v1/pod";
import { ResourceQuotas } from "#api/core/v1/resourcequota";
import { countName, isCovered, quotaEvaluator } from "#api/core/v1/quota/index";
import type { ClaimSurroundings, QuotaEvaluator } from "#api/core/v1/quota/index";
import type { ResourceQuota } from "#api/core/v1/types.gen";
import { DeviceClasses } from "#api/resource/v1/deviceclass";
import { ResourceClaims } from "#api/resource/v1/resourceclaim";
import type { Lister } from "#client";
import type { Controller, ControllerContext, Result } from "#controller-runtime";
import { source } from "#controller-runtime";
import { watchCustomKinds } from "../custom-monitors.ts";
import { LastWrites } from "../last-writes.ts";
import type { ResourceSource } from "../resources.ts";
import { staticResources } from "../resources.ts";
import { equalJSON } from "../template-hash.ts";
import { unlessGone } from "../unless-gone.ts";
import { planStatus } from "./plan.ts";

/** Everything is counted again after this long (upstream's `--resource-quota-sync-period`). */
const RESYNC_MS: number = 5 * 60_000;

/**
 * Safe on a stale cache: the status is written with the resourceVersion it was read at, and counts fall only after an
 * object was seen to use less.
 */
export function resourceQuotaController(
  context: ControllerContext,
  resources: ResourceSource = staticResources(),
): Controller {
  const kinds = resources
    .supporting("create", "delete", "list", "watch")
    .filter(
      ({ scope, group, kind }) => scope === "Namespaced" && kind !== "Event" && group !== "events.k8s.io",
    );
  const quotas = new QuotaCounter(context, kinds);
  return {
    name: "resourcequota-controller",
    eventSource: "resourcequota-controller",
    reconciles: ResourceQuotas as Kind,
    watches: kinds.map((kind) =>
      source(kind, (object, old, change) => quotas.concernedBy(kind, object, old, change)),
    ),
    background: (enqueue, signal) =>
      watchCustomKinds(
        context,
        (kind, object, change) => quotas.concernedByCustom(kind, object, change),
        enqueue,
        signal,
        {
          synced: (kind, lister) => quotas.follow(kind, lister),
          stopped: (kind) => quotas.unfollow(kind),
        },
      ),
    reconcile: (key, signal) => quotas.reconcile(key, signal),
  };
}

/** What decides how claims of devices count. */
function aroundClaims({ informers }: ControllerContext): ClaimSurroundings {
  const classes = informers.lister(DeviceClasses);
  const pods = informers.lister(Pods);
  const claims = informers.lister(ResourceClaims);
  return {
    classes: () => classes.list(),
    pod: (namespace, name) => pods.get(`${namespace}/${name}`),
    claims: (namespace) => claims.list(namespace),
  };
}

interface Counted {
  readonly evaluator: QuotaEvaluator;
  readonly lister: Lister<KubeObject>;
}

/** What has happened since a quota was last counted. */
type Dirt = "rises" | "falls";

class QuotaCounter {
  readonly #context: ControllerContext;
  readonly #quotas: Lister<ResourceQuota>;
  readonly #sources: readonly Counted[];
  /** By `count/…` name; bounded by the definitions of custom resources. */
  readonly #custom = new Map<string, Counted>();
  readonly #evaluators: ReadonlyMap<Kind, QuotaEvaluator>;
  readonly #lastWrites = new LastWrites();
  /** Bounded by the quotas that exist. */
  readonly #dirt = new Map<ObjectKey, Dirt>();
  readonly #countedAtMs = new Map<ObjectKey, number>();

  constructor(context: ControllerContext, kinds: readonly Kind[]) {
    this.#context = context;
    this.#quotas = context.informers.lister(ResourceQuotas);
    const around = aroundClaims(context);
    this.#evaluators = new Map(kinds.map((kind) => [kind, quotaEvaluator(kind, around)]));
    this.#sources = kinds.map((kind) => ({
      evaluator: this.#evaluators.get(kind)!,
      lister: context.informers.lister(kind),
    }));
  }

  async reconcile(key: ObjectKey, signal: AbortSignal): Promise<Result> {
    const { client, clock } = this.#context;
    const quota = this.#quotas.get(key);
    if (quota === undefined) {
      this.#lastWrites.forget(key);
      this.#dirt.delete(key);
      this.#countedAtMs.delete(key);
      return {};
    }
    if (this.#lastWrites.isBehind(quota)) return {};
    const dirt = this.#whyCount(key, quota);
    // A status that admission wrote says more than the caches do.
    if (dirt === undefined) return { requeueAfterMs: RESYNC_MS };
    const { namespace } = quota.metadata;
    const sources = [...this.#sources, ...this.#custom.values()].map(({ evaluator, lister }) => ({
      evaluator,
      objects: () => lister.list(namespace),
    }));
    // From here on changes count as new ones.
    this.#dirt.delete(key);
    const status = planStatus(quota, sources, dirt === "falls", clock.now());
    try {
      if (status !== undefined) {
        const write = client.updateStatus(ResourceQuotas, { ...quota, status }, signal);
        this.#lastWrites.note(await unlessGone(write));
      }
    } catch (err) {
      this.#dirt.set(key, "falls");
      throw err;
    }
    this.#countedAtMs.set(key, clock.monotonicMs());
    return { requeueAfterMs: RESYNC_MS };
  }

  #whyCount(key: ObjectKey, { spec, status }: ResourceQuota): Dirt | undefined {
    const countedAtMs = this.#countedAtMs.get(key);
    const isOld = countedAtMs === undefined || this.#context.clock.monotonicMs() - countedAtMs >= RESYNC_MS;
    if (isOld || !equalJSON(spec?.hard ?? {}, status?.hard)) return "falls";
    return this.#dirt.get(key);
  }

  /** Quotas of the object's namespace that bound what it uses, when that has changed. */
  concernedBy(
    kind: Kind,
    object: KubeObject,
    old: KubeObject | undefined,
    change: "add" | "update" | "delete",
  ): readonly ObjectKey[] {
    const evaluator = this.#evaluators.get(kind)!;
    const bounding = this.#bounding(evaluator, object.metadata.namespace);
    const dirt = change === "add" ? "rises" : "falls";
    if (bounding.length === 0 || change !== "update" || old === undefined) return this.#soil(bounding, dirt);
    if (this.#usesOtherwise(evaluator, object, old)) return this.#soil(bounding, dirt);
    const moved = bounding.filter(
      ({ spec = {} }) => isCovered(evaluator, spec, object) !== isCovered(evaluator, spec, old),
    );
    return this.#soil(moved, dirt);
  }

  /** Custom resources are only counted: a change of one changes nothing. */
  concernedByCustom(
    kind: Kind,
    { metadata }: KubeObject,
    change: "add" | "update" | "delete",
  ): readonly ObjectKey[] {
    const counted = this.#custom.get(countName(kind));
    if (counted === undefined || change === "update") return [];
    return this.#soil(
      this.#bounding(counted.evaluator, metadata.namespace),
      change === "add" ? "rises" : "falls",
    );
  }

  follow(kind: Kind, lister: Lister<KubeObject>): readonly ObjectKey[] {
    if (kind.scope !== "Namespaced") return [];
    const evaluator = quotaEvaluator(kind);
    this.#custom.set(countName(kind), { evaluator, lister });
    return this.#soil(this.#bounding(evaluator), "falls");
  }

  unfollow(kind: Kind): void {
    this.#custom.delete(countName(kind));
  }

  /** Quotas that bound what objects of the evaluator's kind use. */
  #bounding(evaluator: QuotaEvaluator, namespace?: string): readonly ResourceQuota[] {
    return this.#quotas
      .list(namespace)
      .filter(({ spec }) => evaluator.matchingResources(Object.keys(spec?.hard ?? {})).length > 0);
  }

  #soil(quotas: readonly ResourceQuota[], dirt: Dirt): readonly ObjectKey[] {
    const keys = quotas.map(keyOf);
    for (const key of keys) if (this.#dirt.get(key) !== "falls") this.#dirt.set(key, dirt);
    return keys;
  }

  #usesOtherwise({ usage }: QuotaEvaluator, object: KubeObject, old: KubeObject): boolean {
    const nowMs = this.#context.clock.now();
    return !equalJSON(usage(object, nowMs), usage(old, nowMs));
  }
}
