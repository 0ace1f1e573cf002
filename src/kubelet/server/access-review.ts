/** Asks the API server whether a caller may do something. @module */
import { SubjectAccessReviews } from "#api/authorization/v1/subjectaccessreview";
import type { SubjectAccessReviewSpec } from "#api/authorization/v1/types.gen";
import type { Client } from "#client";
import type { User } from "./authenticate.ts";

export type AskedAccess =
  | Required<Pick<SubjectAccessReviewSpec, "resourceAttributes">>
  | Required<Pick<SubjectAccessReviewSpec, "nonResourceAttributes">>;

export async function reviewAccess(
  client: Client,
  { name, uid, groups, extra }: User,
  asked: AskedAccess,
  signal: AbortSignal,
): Promise<boolean> {
  const { status } = await client.create(
    SubjectAccessReviews,
    {
      apiVersion: "authorization.k8s.io/v1",
      kind: "SubjectAccessReview",
      metadata: { name: "" },
      spec: {
        user: name,
        groups,
        ...(uid !== undefined && { uid }),
        ...(extra !== undefined && { extra }),
        ...asked,
      },
    },
    signal,
  );
  return status?.allowed === true && status.denied !== true;
}
