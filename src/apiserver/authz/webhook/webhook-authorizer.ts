/** Leaves decisions to a webhook: a SubjectAccessReview goes out and comes back answered; answers are remembered. @module */
import { isJsonObject, messageOf, type Clock } from "#apimachinery";
import type { SubjectAccessReviewSpec, SubjectAccessReviewStatus } from "#api/authorization/v1/types.gen";
import { TtlCache } from "#component-base";
import type { ReviewWebhook } from "../../review-webhook.ts";
import type { SecurityMetrics } from "../../security-metrics.ts";
import type { AuthorizationAttributes, Authorizer, Decision } from "../../user-info.ts";
import { reviewSelectors } from "../selectors.ts";
import type { MatchConditions } from "./match-conditions.ts";

export interface WebhookAuthorizerOptions {
  readonly name: string;
  readonly webhook: Pick<ReviewWebhook, "ask">;
  readonly version: "v1" | "v1beta1";
  /** 0: such answers are not remembered. */
  readonly authorizedTtlMs: number;
  readonly unauthorizedTtlMs: number;
  /** What becomes of the request when the webhook does not answer. */
  readonly failurePolicy: "NoOpinion" | "Deny";
  readonly conditions?: MatchConditions;
  readonly clock: Clock;
  readonly metrics?: SecurityMetrics;
  /** Ends calls when the server closes. */
  readonly closing: AbortSignal;
}

const CACHE_ENTRIES_MAX = 8_192;
/** Attributes that are longer than this in all are not remembered: their sender chose them. */
const CACHED_CHARACTERS_MAX = 10_000;
const METRIC = "apiserver_authorization_webhook_";

export function webhookAuthorizer(options: WebhookAuthorizerOptions): Authorizer {
  const { clock, conditions, authorizedTtlMs, unauthorizedTtlMs } = options;
  const cache = new TtlCache<SubjectAccessReviewStatus>(() => clock.now(), CACHE_ENTRIES_MAX);
  return {
    async authorize(attributes) {
      const spec = specOf(attributes);
      try {
        if (conditions !== undefined && !conditions.hold(spec)) return { allowed: false };
      } catch (err) {
        return failed(options, err);
      }
      const key = JSON.stringify(spec);
      let status = cache.get(key);
      if (status === undefined) {
        try {
          status = await ask(options, spec);
        } catch (err) {
          return failed(options, err);
        }
        const ttlMs = status.allowed ? authorizedTtlMs : unauthorizedTtlMs;
        if (ttlMs > 0 && isCached(attributes)) cache.set(key, status, ttlMs);
      }
      return decisionOf(status);
    },
  };
}

function specOf(attributes: AuthorizationAttributes): SubjectAccessReviewSpec {
  const { user, isResourceRequest, verb, path } = attributes;
  const { group, version, resource, subresource, namespace, name } = attributes;
  const given = Object.fromEntries(
    Object.entries({ namespace, verb, group, version, resource, subresource, name }).filter(
      ([, value]) => value !== "",
    ),
  );
  return {
    user: user.name,
    groups: user.groups,
    ...(user.uid !== undefined && { uid: user.uid }),
    ...(user.extra !== undefined && { extra: user.extra }),
    ...(isResourceRequest
      ? { resourceAttributes: { ...given, ...reviewSelectors(attributes) } }
      : { nonResourceAttributes: { path, verb } }),
  };
}

async function ask(
  { name, webhook, version, failurePolicy, clock, metrics, closing }: WebhookAuthorizerOptions,
  spec: SubjectAccessReviewSpec,
): Promise<SubjectAccessReviewStatus> {
  const apiVersion = `authorization.k8s.io/${version}`;
  // v1beta1 has the groups under another name.
  const { groups, ...others } = spec;
  const sent = version === "v1" ? spec : { ...others, group: groups };
  const startMs = clock.monotonicMs();
  let result = "success";
  try {
    const body = { apiVersion, kind: "SubjectAccessReview", metadata: {}, spec: sent };
    return statusOf(await webhook.ask(body, closing));
  } catch (err) {
    result = closing.aborted ? "canceled" : isTimeout(err) ? "timeout" : "error";
    if (failurePolicy === "NoOpinion" && !closing.aborted)
      metrics?.inc(`${METRIC}evaluations_fail_open_total`, { name, result });
    throw err;
  } finally {
    metrics?.inc(`${METRIC}evaluations_total`, { name, result });
    metrics?.observe(`${METRIC}duration_seconds`, { name, result }, (clock.monotonicMs() - startMs) / 1_000);
  }
}

function isTimeout(err: unknown): boolean {
  return err instanceof Error && /no answer in|timed? ?out|deadline/i.test(err.message);
}

function statusOf(review: unknown): SubjectAccessReviewStatus {
  if (!isJsonObject(review) || review["kind"] !== "SubjectAccessReview" || !isJsonObject(review["status"]))
    throw new Error("the authorization webhook answered with something else than a SubjectAccessReview");
  const { allowed, denied, reason, evaluationError } = review["status"];
  return {
    allowed: allowed === true,
    denied: denied === true,
    ...(typeof reason === "string" && { reason }),
    ...(typeof evaluationError === "string" && { evaluationError }),
  };
}

function decisionOf({ allowed, denied = false, reason }: SubjectAccessReviewStatus): Decision {
  const why = reason === undefined || reason === "" ? {} : { reason };
  if (!denied) return { allowed, ...why };
  const both = "webhook subject access review returned both allow and deny response";
  return { allowed: false, denied, ...why, ...(allowed && { evaluationError: both }) };
}

function failed({ failurePolicy }: WebhookAuthorizerOptions, err: unknown): Decision {
  const evaluationError = messageOf(err);
  return { allowed: false, ...(failurePolicy === "Deny" && { denied: true }), evaluationError };
}

function isCached({
  namespace,
  verb,
  group,
  version,
  resource,
  subresource,
  name,
  path,
}: AuthorizationAttributes): boolean {
  const controlled = [namespace, verb, group, version, resource, subresource, name, path];
  return controlled.reduce((sum, text) => sum + text.length, 0) < CACHED_CHARACTERS_MAX;
}
