/** Keeps the condition `Available` of every APIService: local ones are, others when their service answers. @module */
import { isConflict, isNotFound, messageOf, type Clock, type Logger } from "#apimachinery";
import type { APIService } from "#api/apiregistration/v1/types.gen";
import { urlHost } from "#api/validation/ip-range";
import { groupVersionPath } from "#client";
import type { ObjectLookup } from "../admission/object-lookup.ts";
import { systemContext } from "../bootstrap/bootstrap.ts";
import type { Registry } from "../registry/registry.ts";
import { SYSTEM_MASTERS, type UserInfo } from "../user-info.ts";
import {
  API_SERVICES,
  asApiService,
  groupVersionOf,
  LOCAL,
  serviceOf,
  withAvailability,
  type Availability,
  type ServiceTarget,
} from "./api-service.ts";
import { NO_CREDENTIALS, type Backends, type BackendTarget } from "./backend.ts";
import { findService, slicesOf } from "./endpoints.ts";
import { KeyedRefresher } from "./keyed-refresher.ts";
import { accessError, failedDiscovery, PASSED, planAvailability } from "./plan-availability.ts";

/** A service that stops answering changes nothing that could be watched. */
const CHECK_INTERVAL_MS = 30_000;
const RETRY_MS = { min: 5, max: 30_000 };
const CHECK_TIMEOUT_MS = 5_000;
/** One endpoint that answers is enough; which one is asked is chance. */
const ATTEMPTS_MAX = 5;
const AGGREGATOR: UserInfo = { name: "system:kube-aggregator", groups: [SYSTEM_MASTERS] };

export interface AvailabilityOptions {
  readonly registry: () => Registry;
  readonly lookup: ObjectLookup;
  readonly backends: Backends;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

export class AvailabilityController {
  readonly #options: AvailabilityOptions;
  readonly #refresher: KeyedRefresher;

  constructor(options: AvailabilityOptions) {
    this.#options = options;
    const { clock, signal } = options;
    this.#refresher = new KeyedRefresher({
      clock,
      signal,
      intervalMs: CHECK_INTERVAL_MS,
      retryMs: RETRY_MS,
      run: (name) => this.#sync(name),
    });
  }

  /** Checks the APIService of that name soon. */
  ask(name: string): void {
    this.#refresher.ask(name);
  }

  forget(name: string): void {
    this.#refresher.forget(name);
  }

  async #sync(name: string): Promise<"done" | "failed" | undefined> {
    const { lookup, logger, signal } = this.#options;
    try {
      const found = lookup.get(API_SERVICES, "", name);
      if (found === undefined) return undefined;
      const apiService = asApiService(found);
      const service = serviceOf(apiService);
      const availability = service === undefined ? LOCAL : await this.#check(apiService, service);
      await this.#write(apiService, availability);
      if (service === undefined) return undefined;
      return availability.reason === "FailedDiscoveryCheck" ? "failed" : "done";
    } catch (err) {
      if (signal.aborted || isNotFound(err)) return undefined;
      if (!isConflict(err))
        logger.warn("The availability of an APIService could not be written", { name, err });
      return "failed";
    }
  }

  async #check(apiService: APIService, service: ServiceTarget): Promise<Availability> {
    const { lookup, backends } = this.#options;
    const found = attempt(() => findService(lookup, service));
    if ("error" in found) return accessError("ServiceAccessError", service, found.error);
    const slices = attempt(() => slicesOf(lookup, service));
    if ("error" in slices) return accessError("EndpointsAccessError", service, slices.error);
    const planned = planAvailability(service, { service: found.value, slices: slices.value });
    if (planned !== undefined) return planned;
    if (!backends.hasCredentials) return failedDiscovery(NO_CREDENTIALS);
    const failure = await this.#askBackend(apiService);
    return failure === undefined ? PASSED : failedDiscovery(failure);
  }

  /** Once; then, if that failed, at several endpoints at a time. */
  async #askBackend(apiService: APIService): Promise<string | undefined> {
    const first = await this.#discover(apiService);
    if (first === undefined) return undefined;
    const others = await Promise.all(
      Array.from({ length: ATTEMPTS_MAX - 1 }, () => this.#discover(apiService)),
    );
    return others.includes(undefined) ? undefined : others.at(-1);
  }

  /** What every API server must answer. Returns why it did not. */
  async #discover(apiService: APIService): Promise<string | undefined> {
    const { backends, signal } = this.#options;
    const path = groupVersionPath(groupVersionOf(apiService));
    let target: BackendTarget;
    try {
      target = backends.target(apiService);
    } catch (err) {
      return messageOf(err);
    }
    const url = `https://${urlHost(target.address.host)}:${target.address.port}${path}`;
    const failing = `failing or missing response from ${url}`;
    try {
      const options = { user: AGGREGATOR, timeoutMs: CHECK_TIMEOUT_MS };
      const { status } = await backends.fetch(target, path, options, signal);
      const isGood = status >= 200 && status < 300;
      return isGood ? undefined : `${failing}: bad status from ${url}: ${status}`;
    } catch (err) {
      return `${failing}: Get "${url}": ${messageOf(err)}`;
    }
  }

  async #write(apiService: APIService, availability: Availability): Promise<void> {
    const { registry, clock, signal } = this.#options;
    const { name, uid } = apiService.metadata;
    if (withAvailability(apiService, availability, clock.now()) === apiService) return;
    const update = {
      subresource: "status",
      mayCreate: false,
      transform: (stored: object | undefined): APIService => {
        const current = stored as APIService;
        // Another one of the name, or another service: what was checked is not it.
        const isSame =
          current.metadata.uid === uid &&
          JSON.stringify(current.spec?.service) === JSON.stringify(apiService.spec?.service);
        return isSame ? withAvailability(current, availability, clock.now()) : current;
      },
    };
    await registry().store(API_SERVICES).update("", name, update, systemContext(signal));
  }
}

function attempt<T>(look: () => T): { readonly value: T } | { readonly error: string } {
  try {
    return { value: look() };
  } catch (err) {
    return { error: messageOf(err) };
  }
}
