/** SelfSubjectRulesReview asks what the caller may do in a namespace; answered, never stored. @module */
import type { Kind } from "#apimachinery";
import { nameAndAge } from "../../printing/columns.ts";
import type { SelfSubjectRulesReview } from "./types.gen.ts";

export const SelfSubjectRulesReviews: Kind<SelfSubjectRulesReview> = {
  group: "authorization.k8s.io",
  version: "v1",
  kind: "SelfSubjectRulesReview",
  names: { plural: "selfsubjectrulesreviews", singular: "selfsubjectrulesreview" },
  scope: "Cluster",
  subresources: [],
  verbs: ["create"],
  columns: nameAndAge,
};
