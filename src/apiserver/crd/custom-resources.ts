/** Follows the stored CustomResourceDefinitions: what they define is served, their status is kept, and what they leave behind removed. @module */
import { isConflict, isNotFound, type Clock, type KubeObject, type Logger } from "#apimachinery";
import type { CustomResourceDefinition } from "#api/apiextensions/v1/types.gen";
import { systemContext } from "../bootstrap/bootstrap.ts";
import type { CustomKind } from "../registry/custom-kind.ts";
import type { Registry } from "../registry/registry.ts";
import type { ServedKinds } from "../registry/served-kinds.ts";
import { follow } from "../watchcache/follow.ts";
import type { WatchCache } from "../watchcache/watch-cache.ts";
import { CLEANUP_FINALIZER, isConditionTrue, withCondition, type NewCondition } from "./conditions.ts";
import type { ConversionWebhook } from "./conversion-webhook.ts";
import { customKindsOf } from "./custom-kind.ts";
import { deleteInstances } from "./delete-instances.ts";
import { planStatus } from "./plan-status.ts";

export const DEFINITIONS = "apiextensions.k8s.io/customresourcedefinitions";
const RETRY_MS = 1_000;

export interface CustomResourcesOptions {
  readonly kinds: ServedKinds;
  readonly watchCache: WatchCache;
  /** Asked when something is written: the registry is made from the same kinds. */
  readonly registry: () => Registry;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Asked by definitions that have one. */
  readonly webhook: ConversionWebhook;
  readonly signal: AbortSignal;
}

interface Definition {
  readonly crd: CustomResourceDefinition;
  readonly kinds: readonly CustomKind[];
}

/** Bounded by the stored definitions: one entry, and at most one running task, for each. */
export class CustomResources {
  readonly #options: CustomResourcesOptions;
  readonly #definitions = new Map<string, Definition>();
  /** Definitions whose status is to be looked at. */
  readonly #dirty = new Set<string>();
  readonly #cleaning = new Set<string>();
  #isActing = false;
  #isStarted = false;

  constructor(options: CustomResourcesOptions) {
    this.#options = options;
  }

  /** Serves what is defined already, and from now on every change in the turn in which the cache shows it. */
  follow(): void {
    const { watchCache, signal } = this.#options;
    follow(watchCache.resource(DEFINITIONS), { withInitial: true, signal }, (changes) => {
      for (const { object, isDeleted } of changes)
        this.#observe(object.object as CustomResourceDefinition, isDeleted);
      this.#serve();
      this.#act();
    });
  }

  /** Begins to write: conditions, and the end of what is being deleted. */
  start(): void {
    this.#isStarted = true;
    this.#act();
  }

  #observe(crd: CustomResourceDefinition, isDeleted: boolean): void {
    const { name } = crd.metadata;
    const before = this.#definitions.get(name);
    if (isDeleted) {
      this.#definitions.delete(name);
      this.#dirty.delete(name);
    } else {
      const kinds =
        before !== undefined && servesAlike(before.crd, crd)
          ? before.kinds
          : customKindsOf(crd, this.#options.webhook);
      this.#definitions.set(name, { crd, kinds });
      this.#dirty.add(name);
    }
    // A name may have become free.
    if (!isDeleted && before?.crd.status?.acceptedNames === crd.status?.acceptedNames) return;
    for (const [other, { crd: sibling }] of this.#definitions) {
      if (sibling.spec.group === crd.spec.group && !isConditionTrue(sibling, "NamesAccepted"))
        this.#dirty.add(other);
    }
  }

  #serve(): void {
    const kinds = [...this.#definitions.values()].flatMap((definition) => definition.kinds);
    this.#options.kinds.replaceCustom(kinds);
  }

  /** One definition after the other: names are given to whoever came first. */
  #act(): void {
    if (this.#isActing || !this.#isStarted || this.#dirty.size === 0) return;
    this.#isActing = true;
    void this.#settle().finally(() => {
      this.#isActing = false;
      if (!this.#options.signal.aborted) this.#act();
    });
  }

  async #settle(): Promise<void> {
    for (const name of this.#dirty) {
      if (this.#options.signal.aborted) return;
      this.#dirty.delete(name);
      try {
        await this.#settleOne(name);
      } catch (err) {
        if (isNotFound(err)) continue;
        if (!isConflict(err)) {
          this.#options.logger.warn("The status of a custom resource definition could not be written", {
            name,
            err,
          });
        }
        this.#settleLater(name);
      }
    }
  }

  async #settleOne(name: string): Promise<void> {
    const crd = this.#definitions.get(name)?.crd;
    if (crd === undefined) return;
    const { metadata } = crd;
    if (metadata.deletionTimestamp !== undefined) {
      if (metadata.finalizers?.includes(CLEANUP_FINALIZER) === true) this.#clean(name);
      return;
    }
    await this.#write(name, (current) => {
      const others = [...this.#definitions.values()]
        .map((other) => other.crd)
        .filter((other) => other.metadata.name !== name);
      return planStatus(current, others, this.#options.clock.now());
    });
  }

  /** Writes what `plan` makes of the stored definition; nothing when that is the same. */
  async #write(
    name: string,
    plan: (crd: CustomResourceDefinition) => CustomResourceDefinition,
    strategy: "ordinary" | "none" = "ordinary",
  ): Promise<void> {
    const { registry, signal } = this.#options;
    const known = this.#definitions.get(name)?.crd;
    if (known !== undefined && plan(known) === known) return;
    const transform = (stored: KubeObject | undefined): KubeObject =>
      plan(stored as CustomResourceDefinition);
    const update = { subresource: "status", mayCreate: false, transform, strategy };
    await registry().store(DEFINITIONS).update("", name, update, systemContext(signal));
  }

  #settleLater(name: string): void {
    this.#options.clock.after(RETRY_MS, () => {
      if (!this.#definitions.has(name)) return;
      this.#dirty.add(name);
      this.#act();
    });
  }

  #clean(name: string): void {
    if (this.#cleaning.has(name)) return;
    this.#cleaning.add(name);
    void this.#finalize(name)
      .catch((err: unknown) => {
        if (this.#options.signal.aborted || isNotFound(err)) return;
        this.#options.logger.warn("Deleting the objects of a custom resource definition failed", {
          name,
          err,
        });
        this.#settleLater(name);
      })
      .finally(() => this.#cleaning.delete(name));
  }

  async #finalize(name: string): Promise<void> {
    const { clock, registry, watchCache, signal } = this.#options;
    const say = (condition: Omit<NewCondition, "type">): Promise<void> =>
      this.#write(name, (crd) => withCondition(crd, { type: "Terminating", ...condition }, clock.now()));
    await say({
      status: "True",
      reason: "InstanceDeletionInProgress",
      message: "CustomResource deletion is in progress",
    });
    const crd = this.#definitions.get(name)?.crd;
    if (crd === undefined) return;
    let done: NewCondition = {
      type: "Terminating",
      status: "False",
      reason: "NeverEstablished",
      message: "resource was never established",
    };
    if (isConditionTrue(crd, "Established")) {
      const { group, names } = crd.spec;
      const outcome = await deleteInstances(`${group}/${names.plural}`, {
        registry: registry(),
        watchCache,
        clock,
        signal,
      });
      if (outcome.type === "failed") {
        await say(outcome.condition);
        throw outcome.error;
      }
      done = { ...done, reason: "InstanceDeletionCompleted", message: "removed all instances" };
    }
    await this.#write(
      name,
      (current) => {
        const finalizers = (current.metadata.finalizers ?? []).filter(
          (finalizer) => finalizer !== CLEANUP_FINALIZER,
        );
        const told = withCondition(current, done, clock.now());
        return { ...told, metadata: { ...told.metadata, finalizers } };
      },
      "none",
    );
  }
}

/** Two states of a definition that give the same kinds: only its conditions and labels differ. */
function servesAlike(a: CustomResourceDefinition, b: CustomResourceDefinition): boolean {
  return (
    a.metadata.uid === b.metadata.uid &&
    a.metadata.generation === b.metadata.generation &&
    isConditionTrue(a, "Established") === isConditionTrue(b, "Established") &&
    isConditionTrue(a, "Terminating") === isConditionTrue(b, "Terminating") &&
    JSON.stringify([a.status?.acceptedNames, a.status?.storedVersions]) ===
      JSON.stringify([b.status?.acceptedNames, b.status?.storedVersions])
  );
}
