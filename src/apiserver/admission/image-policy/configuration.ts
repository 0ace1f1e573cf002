/** What ImagePolicyWebhook is configured with, and the webhook itself, opened. @module */
import { formatDuration, isJsonObject, parseYamlDocuments, type JsonObject } from "#apimachinery";
import { openReviewWebhook, type ReviewWebhook } from "../../review-webhook.ts";
import type { PluginDocument } from "../configuration/admission-configuration.ts";
import type { OpenWorld } from "../configuration/plugin-configurations.ts";

export interface ImagePolicy {
  readonly webhook: ReviewWebhook;
  readonly allowTtlMs: number;
  readonly denyTtlMs: number;
  /** What counts when the webhook cannot be asked. */
  readonly defaultAllow: boolean;
}

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
/** In ms: the unit of the field, and its bounds. */
const TTL = { unit: SECOND, min: SECOND, max: 30 * MINUTE };
const BACKOFF = { unit: 1, min: 1e-6, max: 5 * MINUTE };

/** The webhook lives as long as the server that is made from it. Rejects with what is wrong. */
export async function openImagePolicy(
  { text, source }: PluginDocument,
  world: OpenWorld,
): Promise<ImagePolicy> {
  const [document] = parseYamlDocuments(text);
  const config = isJsonObject(document) ? document["imagePolicy"] : undefined;
  if (!isJsonObject(config)) throw new Error(`${source}: imagePolicy must be an object`);
  const { kubeConfigFile, defaultAllow = false } = config;
  if (typeof kubeConfigFile !== "string") throw new Error(`${source}: kubeConfigFile must name a kubeconfig`);
  const backoffMs = duration(config, "retryBackoff", 500, BACKOFF);
  const allowTtlMs = duration(config, "allowTTL", 5 * MINUTE, TTL);
  const denyTtlMs = duration(config, "denyTTL", 30 * SECOND, TTL);
  const webhook = await openReviewWebhook({ ...world, kubeconfig: kubeConfigFile, backoffMs });
  return { webhook, allowTtlMs, denyTtlMs, defaultAllow: defaultAllow === true };
}

/** -1 turns it off, 0 is the default. */
function duration(
  config: JsonObject,
  name: string,
  fallbackMs: number,
  { unit, min, max }: typeof TTL,
): number {
  const value = config[name] ?? 0;
  if (typeof value !== "number" || !Number.isInteger(value))
    throw new Error(`${name} must be a whole number`);
  if (value === -1) return 0;
  if (value === 0) return fallbackMs;
  const ms = value * unit;
  if (ms >= min && ms <= max) return ms;
  throw new Error(
    `valid value is between ${min < 1 ? "1ns" : formatDuration(min)} and ${formatDuration(max)}, got ${formatDuration(ms)}`,
  );
}
