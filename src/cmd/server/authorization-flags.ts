/** `--authorization-*` of the API server. @module */
import { readFile } from "node:fs/promises";
import { Option, type Command } from "commander";
import { formatDuration, type Clock, type Logger } from "#apimachinery";
import type { AuthorizationConfiguration, AuthorizationModes, LateMetrics, WebhookSpec } from "#apiserver";
import { durationMs } from "../flag-values.ts";

export interface AuthorizationFlags {
  readonly authorizationMode?: string;
  readonly authorizationConfig?: string;
  readonly authorizationWebhookConfigFile?: string;
  readonly authorizationWebhookVersion?: string;
  readonly authorizationWebhookCacheAuthorizedTtl?: number;
  readonly authorizationWebhookCacheUnauthorizedTtl?: number;
}

export function addAuthorizationFlags(command: Command): void {
  command
    .option(
      "--authorization-mode <list>",
      "who is asked, in order: Node, RBAC, Webhook, AlwaysAllow, AlwaysDeny (default Node,RBAC)",
    )
    .option(
      "--authorization-config <path>",
      "file of an AuthorizationConfiguration; read again when it changes",
    )
    .option("--authorization-webhook-config-file <path>", "kubeconfig of the webhook of the mode Webhook")
    .addOption(
      new Option("--authorization-webhook-version <version>", "of its reviews (default v1beta1)").choices([
        "v1",
        "v1beta1",
      ]),
    )
    .option(
      "--authorization-webhook-cache-authorized-ttl <duration>",
      "how long its yes counts (default 5m)",
      durationMs,
    )
    .option(
      "--authorization-webhook-cache-unauthorized-ttl <duration>",
      "how long its no counts (default 30s)",
      durationMs,
    );
}

export interface AuthorizationParts {
  readonly authorization: AuthorizationModes & AsyncDisposable;
  /** Follows the configuration file, until the signal aborts. */
  readonly run: (signal: AbortSignal) => Promise<void>;
}

export async function authorizationOptions(
  flags: AuthorizationFlags,
  world: {
    readonly clock: Clock;
    readonly random: () => number;
    readonly logger: Logger;
    readonly metrics: LateMetrics;
  },
): Promise<AuthorizationParts> {
  const { authorizationConfig: path, authorizationMode } = flags;
  const { loadAuthorizationConfiguration, openAuthorization } = await import("#apiserver");
  if (
    path !== undefined &&
    (authorizationMode !== undefined || flags.authorizationWebhookConfigFile !== undefined)
  )
    throw new Error(
      "--authorization-config can not be specified when --authorization-mode or --authorization-webhook-* flags are defined",
    );
  const text = path === undefined ? "" : await readFile(path, "utf8");
  const configuration = path === undefined ? ofFlags(flags) : loadAuthorizationConfiguration(text, path);
  const authorization = await openAuthorization({ configuration, ...world });
  return {
    authorization,
    run: async (signal) => {
      if (path !== undefined) await authorization.run(path, text, signal);
    },
  };
}

const MODES = ["AlwaysAllow", "AlwaysDeny", "ABAC", "Webhook", "RBAC", "Node"];

function ofFlags(flags: AuthorizationFlags): AuthorizationConfiguration {
  const modes = (flags.authorizationMode ?? "Node,RBAC").split(",").filter((mode) => mode !== "");
  if (modes.length === 0) throw new Error("at least one authorization-mode must be passed");
  for (const [i, mode] of modes.entries()) {
    if (!MODES.includes(mode))
      throw new Error(`authorization-mode ${JSON.stringify(mode)} is not a valid mode`);
    if (modes.indexOf(mode) < i)
      throw new Error(`authorization-mode ${JSON.stringify(modes)} has mode specified more than once`);
  }
  const kubeConfigFile = flags.authorizationWebhookConfigFile;
  if (modes.includes("Webhook") && kubeConfigFile === undefined)
    throw new Error("authorization-mode Webhook's authorization config file not passed");
  if (!modes.includes("Webhook") && kubeConfigFile !== undefined)
    throw new Error("cannot specify --authorization-webhook-config-file without mode Webhook");
  return {
    authorizers: modes.map((type) =>
      type === "Webhook"
        ? { type, name: "default", webhook: webhookOf(flags, kubeConfigFile!) }
        : { type, name: type.toLowerCase() },
    ),
  };
}

function webhookOf(flags: AuthorizationFlags, kubeConfigFile: string): WebhookSpec {
  const authorizedMs = flags.authorizationWebhookCacheAuthorizedTtl ?? 300_000;
  const unauthorizedMs = flags.authorizationWebhookCacheUnauthorizedTtl ?? 30_000;
  return {
    authorizedTTL: formatDuration(authorizedMs),
    cacheAuthorizedRequests: authorizedMs > 0,
    unauthorizedTTL: formatDuration(unauthorizedMs),
    cacheUnauthorizedRequests: unauthorizedMs > 0,
    timeout: "30s",
    subjectAccessReviewVersion: flags.authorizationWebhookVersion ?? "v1beta1",
    matchConditionSubjectAccessReviewVersion: "",
    failurePolicy: "NoOpinion",
    connectionInfo: { type: "KubeConfigFile", kubeConfigFile },
    matchConditions: [],
  };
}
