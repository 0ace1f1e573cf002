/** Keeps flow control and its stored configuration in step: what is missing is created, what is stored counts, and statuses say which. @module */
import {
  isAlreadyExists,
  isConflict,
  isNotFound,
  orAborted,
  unless,
  type Clock,
  type KubeObject,
  type Logger,
  type Timer,
} from "#apimachinery";
import type { FlowSchema, PriorityLevelConfiguration } from "#api/flowcontrol/v1/types.gen";
import type { Transport } from "#client";
import type { RequestContext } from "../registry/context.ts";
import type { Registry } from "../registry/registry.ts";
import type { ResourceStore } from "../registry/resource-store.ts";
import { follow } from "../watchcache/follow.ts";
import type { WatchCache } from "../watchcache/watch-cache.ts";
import {
  mandatoryFlowSchemas,
  mandatoryPriorityLevels,
  suggestedFlowSchemas,
  suggestedPriorityLevels,
} from "./bootstrap-configuration.ts";
import type { FlowControl } from "./flow-control.ts";
import type { ConditionUpdate } from "./plan-configuration.ts";
import { planEnsure, type EnsureStep, type WantedObjects } from "./plan-ensure.ts";

export interface FlowConfigurationOptions {
  readonly control: FlowControl;
  readonly watchCache: WatchCache;
  readonly registry: Registry;
  /** Of the server itself. */
  readonly transport: () => Transport;
  /** Of the server's own writes; its signal ends all of this. */
  readonly context: RequestContext;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
}

const GROUP = "flowcontrol.apiserver.k8s.io";
const LEVELS = `${GROUP}/prioritylevelconfigurations`;
const SCHEMAS = `${GROUP}/flowschemas`;
const PRODUCER = "api-priority-and-fairness-config-producer-v1";
const CONSUMER = "api-priority-and-fairness-config-consumer-v1";

const WANTED: readonly (readonly [string, WantedObjects])[] = [
  [LEVELS, { mandatory: mandatoryPriorityLevels, suggested: suggestedPriorityLevels }],
  [SCHEMAS, { mandatory: mandatoryFlowSchemas, suggested: suggestedFlowSchemas }],
];

const ENSURE_MS = 60_000;
const ADJUST_MS = 10_000;
const RETRY_MS = 1_000;
/** Writes of one status in a minute: another server may be of another opinion. */
const STATUS_WRITES_MAX = 6;
const STATUS_WINDOW_MS = 60_000;
/** Then it rests for 30 to 75 seconds. */
const STATUS_REST_MS = { min: 30_000, spread: 45_000 };

export class FlowConfiguration {
  readonly #options: FlowConfigurationOptions;
  readonly #timers = new Set<Timer>();
  /** Times of the last writes, by name of the schema. */
  readonly #written = new Map<string, readonly number[]>();
  #isDirty = false;
  #ensuring: Promise<void> = Promise.resolve();
  #syncing: Promise<void> = Promise.resolve();
  #isSyncing = false;

  constructor(options: FlowConfigurationOptions) {
    this.#options = options;
  }

  /** Takes what is stored, and from now on every change of it. */
  follow(): void {
    const { watchCache, context } = this.#options;
    const followed = { withInitial: true, signal: context.signal };
    for (const resource of [LEVELS, SCHEMAS])
      follow(watchCache.resource(resource), followed, () => this.#schedule());
  }

  /** Creates and repairs what every cluster has; then looks after it every minute. */
  async start(): Promise<void> {
    await this.#ensure();
    this.#repeat(ENSURE_MS, () => (this.#ensuring = this.#ensureAgain()));
    this.#repeat(ADJUST_MS, () => this.#options.control.adjust());
    this.#schedule();
  }

  /** Resolves when nothing is written any more; its signal has aborted. */
  async stopped(): Promise<void> {
    for (const timer of this.#timers) timer.cancel();
    await this.#ensuring;
    await this.#syncing;
  }

  /** All changes of one turn are taken together. */
  #schedule(): void {
    if (this.#isDirty) return;
    this.#isDirty = true;
    queueMicrotask(() => {
      this.#isDirty = false;
      const updates = this.#digest();
      if (updates.length > 0 && !this.#isSyncing) this.#syncing = this.#sync();
    });
  }

  #digest(): readonly ConditionUpdate[] {
    const { control, watchCache, context } = this.#options;
    if (context.signal.aborted) return [];
    const stored = <T>(resource: string): T[] =>
      Array.from(watchCache.resource(resource).list(), ({ object }) => object as unknown as T);
    return control.digest(stored<PriorityLevelConfiguration>(LEVELS), stored<FlowSchema>(SCHEMAS));
  }

  /** Writes statuses until they are true, or have been written often enough. */
  async #sync(): Promise<void> {
    const { registry, watchCache, context, logger } = this.#options;
    if (registry.findStore(SCHEMAS) === undefined) return;
    this.#isSyncing = true;
    try {
      for (let updates = this.#due(this.#digest()); updates.length > 0; updates = this.#due(this.#digest())) {
        await Promise.all(updates.map((update) => this.#writeStatus(update)));
        // A cache that has ended with the server reaches nothing any more.
        context.signal.throwIfAborted();
        await orAborted(watchCache.sync(), context.signal);
      }
    } catch (err) {
      if (context.signal.aborted) return;
      logger.warn("Status of FlowSchemas could not be written, trying again", { err });
      this.#later(RETRY_MS, () => this.#schedule());
    } finally {
      this.#isSyncing = false;
    }
  }

  #due(updates: readonly ConditionUpdate[]): readonly ConditionUpdate[] {
    const { clock, random } = this.#options;
    const nowMs = clock.monotonicMs();
    const due = updates.filter(({ name }) => {
      const recent = (this.#written.get(name) ?? []).filter((at) => nowMs - at < STATUS_WINDOW_MS);
      if (recent.length >= STATUS_WRITES_MAX) return false;
      this.#written.set(name, [...recent, nowMs]);
      return true;
    });
    if (due.length < updates.length) {
      this.#later(STATUS_REST_MS.min + random() * STATUS_REST_MS.spread, () => this.#schedule());
    }
    return due;
  }

  /** Applied: other conditions are not ours. */
  async #writeStatus({ name, condition }: ConditionUpdate): Promise<void> {
    const { transport, context } = this.#options;
    const body = {
      apiVersion: `${GROUP}/v1`,
      kind: "FlowSchema",
      metadata: { name },
      status: { conditions: [condition] },
    };
    const request = {
      method: "PATCH",
      path: `/apis/${GROUP}/v1/flowschemas/${name}/status`,
      query: { fieldManager: CONSUMER, force: true },
      headers: { "content-type": "application/apply-patch+yaml", "user-agent": "kube-apiserver" },
      body,
    } as const;
    await unless(isNotFound, transport().request(request, context.signal));
  }

  async #ensureAgain(): Promise<void> {
    const { context, logger } = this.#options;
    try {
      await this.#ensure();
    } catch (err) {
      if (!context.signal.aborted) logger.warn("Flow control's objects could not be written", { err });
    }
  }

  async #ensure(): Promise<void> {
    const { registry } = this.#options;
    for (const [resource, wanted] of WANTED) {
      const store = registry.findStore(resource);
      if (store === undefined) continue;
      const stored = Array.from(store.cache.list(), ({ object }) => object);
      await Promise.all(planEnsure(stored, wanted).map((step) => this.#take(store, step)));
    }
  }

  async #take(store: ResourceStore, step: EnsureStep): Promise<void> {
    const context = { ...this.#options.context, fieldManager: PRODUCER };
    try {
      if (step.type === "delete") await store.delete("", step.name, {}, context);
      else if (step.type === "create") await store.create("", this.#withDefaults(step.object), context);
      else {
        const object = this.#withDefaults(step.object);
        const update = { subresource: "", mayCreate: false, transform: () => object };
        await store.update("", object.metadata.name, update, context);
      }
    } catch (err) {
      // Somebody else was faster: the next look sees what they did.
      if (!isAlreadyExists(err) && !isConflict(err) && !isNotFound(err)) throw err;
    }
  }

  #withDefaults(object: KubeObject): KubeObject {
    return this.#options.registry.scheme.applyDefaults(object);
  }

  #repeat(everyMs: number, work: () => void): void {
    this.#later(everyMs, () => {
      work();
      this.#repeat(everyMs, work);
    });
  }

  #later(delayMs: number, work: () => void): void {
    const { clock, context } = this.#options;
    if (context.signal.aborted) return;
    const timer = clock.after(delayMs, () => {
      this.#timers.delete(timer);
      if (!context.signal.aborted) work();
    });
    this.#timers.add(timer);
  }
}
