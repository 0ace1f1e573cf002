/** Writes the APIServices of what the server serves itself, and takes back those of definitions that are gone. @module */
import { isAlreadyExists, isConflict, isNotFound, type Clock, type Logger } from "#apimachinery";
import type { APIService } from "#api/apiregistration/v1/types.gen";
import type { ObjectLookup } from "../admission/object-lookup.ts";
import { systemContext } from "../bootstrap/bootstrap.ts";
import type { RequestContext } from "../registry/context.ts";
import type { Registry } from "../registry/registry.ts";
import type { ResourceStore } from "../registry/resource-store.ts";
import type { ServedKinds } from "../registry/served-kinds.ts";
import { API_SERVICES } from "./api-service.ts";
import { planRegistration, wantedApiServices } from "./plan-registration.ts";

const RETRY_MS = 1_000;

export interface AutoRegistrationOptions {
  readonly kinds: ServedKinds;
  readonly registry: () => Registry;
  readonly lookup: ObjectLookup;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/** One round at a time; what changes meanwhile makes one more. */
export class AutoRegistration {
  readonly #options: AutoRegistrationOptions;
  #isStarted = false;
  #isRunning = false;
  #isDirty = false;

  constructor(options: AutoRegistrationOptions) {
    this.#options = options;
    options.kinds.onChange(() => this.ask());
  }

  /** Writes those of the built-in groups, and follows the definitions from now on. */
  async start(): Promise<void> {
    const store = this.#options.registry().findStore(API_SERVICES);
    if (store === undefined) return;
    await this.#sync(store, true);
    this.#isStarted = true;
    this.ask();
  }

  /** Somebody changed an APIService, or what is served. */
  ask(): void {
    if (!this.#isStarted || this.#options.signal.aborted) return;
    this.#isDirty = true;
    if (!this.#isRunning) void this.#run();
  }

  async #run(): Promise<void> {
    const { registry, clock, logger, signal } = this.#options;
    this.#isRunning = true;
    try {
      while (this.#isDirty && !signal.aborted) {
        this.#isDirty = false;
        await this.#sync(registry().store(API_SERVICES), false);
      }
    } catch (err) {
      if (!signal.aborted) {
        logger.warn("APIServices of what is served could not be written", { err });
        clock.after(RETRY_MS, () => this.ask());
      }
    } finally {
      this.#isRunning = false;
    }
  }

  async #sync(store: ResourceStore, isStart: boolean): Promise<void> {
    const { kinds, lookup, signal } = this.#options;
    const stored = lookup.list(API_SERVICES) as readonly APIService[];
    const plan = planRegistration(wantedApiServices(kinds.scheme), stored, isStart);
    const context = systemContext(signal);
    await Promise.all([
      ...plan.create.map((apiService) => settled(store.create("", apiService, context))),
      ...plan.update.map((apiService) => settled(update(store, apiService, context))),
      ...plan.remove.map((name) => settled(store.delete("", name, {}, context))),
    ]);
  }
}

function update(store: ResourceStore, wanted: APIService, context: RequestContext): Promise<unknown> {
  const request = { subresource: "", mayCreate: false, transform: () => wanted };
  return store.update("", wanted.metadata.name, request, context);
}

/** Somebody was quicker: what they wrote is looked at when the cache shows it. */
async function settled(write: Promise<unknown>): Promise<void> {
  try {
    await write;
  } catch (err) {
    if (!isAlreadyExists(err) && !isConflict(err) && !isNotFound(err)) throw err;
  }
}
