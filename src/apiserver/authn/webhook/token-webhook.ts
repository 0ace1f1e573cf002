/** Asks a webhook whose a token is: a TokenReview goes out and comes back answered. @module */
import { isJsonObject } from "#apimachinery";
import type { TokenReviewStatus } from "#api/authentication/v1/types.gen";
import type { ReviewWebhook } from "../../review-webhook.ts";
import { intersection, type TokenAuthenticator } from "../token-authenticator.ts";

export type ReviewVersion = "v1" | "v1beta1";

/** `implicitAudiences`: those of an answer that names none. */
export function tokenWebhook(
  webhook: Pick<ReviewWebhook, "ask">,
  version: ReviewVersion,
  implicitAudiences: readonly string[],
): TokenAuthenticator {
  return {
    async authenticateToken(token, signal, audiences) {
      const spec = { token, ...(audiences !== undefined && { audiences }) };
      const apiVersion = `authentication.k8s.io/${version}`;
      const review = await webhook.ask({ apiVersion, kind: "TokenReview", metadata: {}, spec }, signal);
      const status = statusOf(review);
      const own = (status.audiences ?? []).length > 0 ? status.audiences! : implicitAudiences;
      const shared = audiences === undefined ? undefined : intersection(audiences, own);
      if (shared?.length === 0) return undefined;
      if (status.authenticated !== true) {
        if (status.error !== undefined && status.error !== "") throw new Error(status.error);
        return undefined;
      }
      const { username = "", uid = "", groups = [], extra } = status.user ?? {};
      const user = {
        name: username,
        groups,
        ...(uid !== "" && { uid }),
        ...(extra !== undefined && { extra: extra }),
      };
      return { user, ...(shared !== undefined && { audiences: shared }) };
    },
  };
}

function statusOf(review: unknown): TokenReviewStatus {
  if (!isJsonObject(review) || review["kind"] !== "TokenReview")
    throw new Error("the authentication webhook answered with something else than a TokenReview");
  const { status = {} } = review;
  if (!isJsonObject(status)) throw new Error("the authentication webhook answered without a status");
  return status;
}
