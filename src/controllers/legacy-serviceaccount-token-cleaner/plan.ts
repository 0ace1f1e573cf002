/** When a token that nobody uses is marked invalid, and when it goes. Pure. @module */
import { formatTime } from "#apimachinery";
import { podSecretNames } from "./pod-secrets.ts";
import type { Pod, Secret, ServiceAccount } from "#api/core/v1/types.gen";

export const LAST_USED_LABEL = "kubernetes.io/legacy-token-last-used";
export const INVALID_SINCE_LABEL = "kubernetes.io/legacy-token-invalid-since";

const TOKEN_TYPE = "kubernetes.io/service-account-token";
const DATE = /^\d{4}-\d{2}-\d{2}$/;
const DAY_MS = 86_400_000;

export type Action = "keep" | "invalidate" | "delete";

export interface Surroundings {
  readonly nowMs: number;
  /** How long a token may rest. */
  readonly cleanUpPeriodMs: number;
  readonly account: ServiceAccount | undefined;
  /** Of the namespace. */
  readonly pods: readonly Pod[];
}

/** Uses have been noted long enough to be judged by. `since` is a date. */
export function isTrackedLongEnough(since: string, nowMs: number, cleanUpPeriodMs: number): boolean {
  if (!DATE.test(since) || Number.isNaN(Date.parse(since))) return false;
  return nowMs >= Date.parse(since) + DAY_MS + cleanUpPeriodMs;
}

/** Only tokens that were made for their account by the cluster itself are judged: the account lists them. */
export function planToken(secret: Secret, { nowMs, cleanUpPeriodMs, account, pods }: Surroundings): Action {
  const { name, labels = {}, creationTimestamp, deletionTimestamp, annotations = {} } = secret.metadata;
  const limitMs = nowMs - cleanUpPeriodMs;
  const limit = dateOf(limitMs);
  if (secret.type !== TOKEN_TYPE || deletionTimestamp !== undefined) return "keep";
  if (creationTimestamp === undefined || Date.parse(creationTimestamp) >= limitMs) return "keep";
  const used = labels[LAST_USED_LABEL];
  if (used !== undefined && (!DATE.test(used) || used >= limit)) return "keep";
  const uid = annotations["kubernetes.io/service-account.uid"] ?? "";
  if (account === undefined || (uid !== "" && uid !== account.metadata.uid)) return "keep";
  if (!(account.secrets ?? []).some((ref) => ref.name === name)) return "keep";
  if (pods.some((pod) => podSecretNames(pod).includes(name))) return "keep";
  const since = labels[INVALID_SINCE_LABEL] ?? "";
  if (!DATE.test(since)) return "invalidate";
  return since >= limit ? "keep" : "delete";
}

export function dateOf(ms: number): string {
  return formatTime(ms).slice(0, 10);
}
