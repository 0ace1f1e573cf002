/** SelfSubjectReview asks who the caller is; answered, never stored. @module */
import type { Kind } from "#apimachinery";
import { nameAndAge } from "../../printing/columns.ts";
import type { SelfSubjectReview } from "./types.gen.ts";

export const SelfSubjectReviews: Kind<SelfSubjectReview> = {
  group: "authentication.k8s.io",
  version: "v1",
  kind: "SelfSubjectReview",
  names: { plural: "selfsubjectreviews", singular: "selfsubjectreview" },
  scope: "Cluster",
  subresources: [],
  verbs: ["create"],
  columns: nameAndAge,
};
