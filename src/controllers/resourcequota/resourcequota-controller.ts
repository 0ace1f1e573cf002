/** Counts what is used of each ResourceQuota. @module */
import type { Kind, KubeObject, ObjectKey } from "#apimachinery";
import { keyOf } from "#apimachinery";
import { ResourceQuotas } from "#api/core/v1/resourcequota";
import { quotaEvaluator } from "#api/core/v1/quota/index";
import type { QuotaEvaluator } from "#api/core/v1/quota/index";
import type { ResourceQuota } from "#api/core/v1/types.gen";
import type { Lister } from "#client";
import type { Controller, ControllerContext, Result } from "#controller-runtime";
import { source } from "#controller-runtime";
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
    reconcile: (key, signal) => quotas.reconcile(key, signal),
  };
}

/** What has happened since a quota was last counted. */
type Dirt = "rises" | "falls";

class QuotaCounter {
  readonly #context: ControllerContext;
  readonly #quotas: Lister<ResourceQuota>;
  readonly #sources: readonly { readonly evaluator: QuotaEvaluator; readonly lister: Lister<KubeObject> }[];
  readonly #evaluators: ReadonlyMap<Kind, QuotaEvaluator>;
  readonly #lastWrites = new LastWrites();
  /** Bounded by the quotas that exist. */
  readonly #dirt = new Map<ObjectKey, Dirt>();
  readonly #countedAtMs = new Map<ObjectKey, number>();

  constructor(context: ControllerContext, kinds: readonly Kind[]) {
    this.#context = context;
    this.#quotas = context.informers.lister(ResourceQuotas);
    this.#evaluators = new Map(kinds.map((kind) => [kind, quotaEvaluator(kind)]));
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
    const sources = this.#sources.map(({ evaluator, lister }) => ({
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
    const quotas = this.#quotas.list(object.metadata.namespace);
    if (quotas.length === 0) return [];
    const evaluator = this.#evaluators.get(kind)!;
    if (change === "update" && old !== undefined && !this.#usesOtherwise(evaluator, object, old)) return [];
    const dirt = change === "add" ? "rises" : "falls";
    const concerned = quotas.filter(
      ({ spec }) => evaluator.matchingResources(Object.keys(spec?.hard ?? {})).length > 0,
    );
    for (const quota of concerned) {
      const key = keyOf(quota);
      if (this.#dirt.get(key) !== "falls") this.#dirt.set(key, dirt);
    }
    return concerned.map(keyOf);
  }

  #usesOtherwise({ usage }: QuotaEvaluator, object: KubeObject, old: KubeObject): boolean {
    const nowMs = this.#context.clock.now();
    return !equalJSON(usage(object, nowMs), usage(old, nowMs));
  }
}
