/** SelfSubjectAccessReview asks whether the caller may do something; answered, never stored. @module */
import type { Kind } from "#apimachinery";
import { nameAndAge } from "../../printing/columns.ts";
import { validateSelfSubjectAccessReview } from "./validation.ts";
import type { SelfSubjectAccessReview } from "./types.gen.ts";

export const SelfSubjectAccessReviews: Kind<SelfSubjectAccessReview> = {
  group: "authorization.k8s.io",
  version: "v1",
  kind: "SelfSubjectAccessReview",
  names: { plural: "selfsubjectaccessreviews", singular: "selfsubjectaccessreview" },
  scope: "Cluster",
  subresources: [],
  verbs: ["create"],
  validate: validateSelfSubjectAccessReview,
  columns: nameAndAge,
};
