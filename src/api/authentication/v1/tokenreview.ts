/** TokenReview asks who a token belongs to; answered, never stored. @module */
import type { Kind } from "#apimachinery";
import { nameAndAge } from "../../printing/columns.ts";
import type { TokenReview } from "./types.gen.ts";

export const TokenReviews: Kind<TokenReview> = {
  group: "authentication.k8s.io",
  version: "v1",
  kind: "TokenReview",
  names: { plural: "tokenreviews", singular: "tokenreview" },
  scope: "Cluster",
  subresources: [],
  verbs: ["create"],
  columns: nameAndAge,
};
