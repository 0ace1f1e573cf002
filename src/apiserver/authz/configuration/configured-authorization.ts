/** The authorizers that a configuration names, in its order; exchanged as a whole when the configuration changes. @module */
import { parseDuration, silentLogger, type Clock, type Logger } from "#apimachinery";
import { openReviewWebhook, type ReviewWebhook } from "../../review-webhook.ts";
import { runReloader } from "../../config-reloader.ts";
import type { SecurityMetrics } from "../../security-metrics.ts";
import { SYSTEM_MASTERS, type Authorizer, type Decision } from "../../user-info.ts";
import { authorizerChain } from "../chain.ts";
import { matchConditions } from "../webhook/match-conditions.ts";
import { webhookAuthorizer } from "../webhook/webhook-authorizer.ts";
import { loadAuthorizationConfiguration } from "./load.ts";
import type { AuthorizationConfiguration, WebhookSpec } from "./types.ts";

/** Those that the server itself has. */
export interface BuiltInAuthorizers {
  readonly node: Authorizer;
  readonly rbac: Authorizer;
}

export interface AuthorizationModes {
  build(builtIn: BuiltInAuthorizers): Authorizer;
  /** Types in their order, as of now. */
  modes(): readonly string[];
}

export interface ConfiguredAuthorizationOptions {
  readonly configuration: AuthorizationConfiguration;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger?: Logger;
  readonly metrics?: SecurityMetrics;
}

interface Opened {
  readonly configuration: AuthorizationConfiguration;
  /** By name. */
  readonly webhooks: ReadonlyMap<string, ReviewWebhook>;
}

const DENIED: Authorizer = { authorize: () => ({ allowed: false, reason: "Everything is forbidden." }) };
const ALLOWED: Authorizer = { authorize: () => ({ allowed: true }) };

/** Throws for ABAC, and when a webhook's kubeconfig cannot be read. */
export async function openAuthorization(
  options: ConfiguredAuthorizationOptions,
): Promise<ConfiguredAuthorization> {
  return new ConfiguredAuthorization(options, await open(options.configuration, options));
}

export class ConfiguredAuthorization implements AuthorizationModes, AsyncDisposable {
  readonly #options: ConfiguredAuthorizationOptions;
  readonly #closing = new AbortController();
  #opened: Opened;
  #builtIn: BuiltInAuthorizers | undefined;
  #current: Authorizer = DENIED;

  constructor(options: ConfiguredAuthorizationOptions, opened: Opened) {
    this.#options = options;
    this.#opened = opened;
  }

  modes(): readonly string[] {
    return this.#opened.configuration.authorizers.map(({ type }) => type);
  }

  build(builtIn: BuiltInAuthorizers): Authorizer {
    this.#builtIn = builtIn;
    this.#current = this.#chain();
    return { authorize: (attributes) => this.#current.authorize(attributes) };
  }

  /** Applies changes of the file from which `text` was read, until `signal` aborts. */
  run(path: string, text: string, signal: AbortSignal): Promise<void> {
    const { clock, logger = silentLogger, metrics } = this.#options;
    const required = this.modes().filter((type) => type !== "Webhook");
    const apply = async (changed: string): Promise<void> => {
      const configuration = loadAuthorizationConfiguration(changed, path, required);
      const before = this.#opened;
      this.#opened = await open(configuration, this.#options);
      if (this.#builtIn !== undefined) this.#current = this.#chain();
      await closeAll(before);
    };
    return runReloader(
      { what: "authorization", path, text, apply, clock, logger, ...(metrics !== undefined && { metrics }) },
      signal,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new Error("The API server is closing"));
    await closeAll(this.#opened);
  }

  #chain(): Authorizer {
    const { authorizers } = this.#opened.configuration;
    const members = authorizers.map(({ type, name, webhook }) =>
      counted(type, name, this.#authorizer(type, name, webhook), this.#options.metrics),
    );
    // Members of system:masters may do everything, whatever the others would say.
    const masters: Authorizer = {
      authorize: ({ user }) => ({ allowed: user.groups.includes(SYSTEM_MASTERS) }),
    };
    return authorizerChain([masters, ...members]);
  }

  #authorizer(type: string, name: string, spec: WebhookSpec | undefined): Authorizer {
    switch (type) {
      case "Node":
        return this.#builtIn!.node;
      case "RBAC":
        return this.#builtIn!.rbac;
      case "AlwaysAllow":
        return ALLOWED;
      case "Webhook":
        return this.#webhook(name, spec!);
      default:
        return DENIED;
    }
  }

  #webhook(name: string, spec: WebhookSpec): Authorizer {
    const { clock, metrics } = this.#options;
    const sources = spec.matchConditions.map(({ expression = "" }) => expression);
    return webhookAuthorizer({
      name,
      webhook: this.#opened.webhooks.get(name)!,
      version: spec.subjectAccessReviewVersion === "v1beta1" ? "v1beta1" : "v1",
      authorizedTtlMs: spec.cacheAuthorizedRequests ? parseDuration(spec.authorizedTTL) : 0,
      unauthorizedTtlMs: spec.cacheUnauthorizedRequests ? parseDuration(spec.unauthorizedTTL) : 0,
      failurePolicy: spec.failurePolicy === "Deny" ? "Deny" : "NoOpinion",
      ...(sources.length > 0 && { conditions: matchConditions(sources) }),
      clock,
      closing: this.#closing.signal,
      ...(metrics !== undefined && { metrics }),
    });
  }
}

async function open(
  configuration: AuthorizationConfiguration,
  { clock, random }: ConfiguredAuthorizationOptions,
): Promise<Opened> {
  const webhooks = new Map<string, ReviewWebhook>();
  for (const { type, name, webhook } of configuration.authorizers) {
    if (type === "ABAC")
      throw new Error(
        "authorization mode ABAC is not supported: write its policies as RBAC roles and bindings",
      );
    if (webhook === undefined) continue;
    const timeoutMs = parseDuration(webhook.timeout);
    const kubeconfig = webhook.connectionInfo.kubeConfigFile ?? "";
    webhooks.set(name, await openReviewWebhook({ kubeconfig, clock, random, timeoutMs }));
  }
  return { configuration, webhooks };
}

async function closeAll({ webhooks }: Opened): Promise<void> {
  for (const webhook of webhooks.values()) await webhook.close();
}

/** Counts what an authorizer decides; having no opinion decides nothing. */
function counted(
  type: string,
  name: string,
  authorizer: Authorizer,
  metrics: SecurityMetrics | undefined,
): Authorizer {
  if (metrics === undefined) return authorizer;
  const count = (decision: Decision): Decision => {
    if (decision.allowed || decision.denied === true) {
      const labels = { type, name, decision: decision.allowed ? "allowed" : "denied" };
      metrics.inc("apiserver_authorization_decisions_total", labels);
    }
    return decision;
  };
  return {
    authorize: (attributes) => {
      const answer = authorizer.authorize(attributes);
      return answer instanceof Promise ? answer.then(count) : count(answer);
    },
  };
}
