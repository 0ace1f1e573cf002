/** SubjectAccessReview asks whether a user may do something; answered, never stored. @module */
import type { Kind } from "#apimachinery";
import { nameAndAge } from "../../printing/columns.ts";
import { validateSubjectAccessReview } from "./validation.ts";
import type { SubjectAccessReview } from "./types.gen.ts";

export const SubjectAccessReviews: Kind<SubjectAccessReview> = {
  group: "authorization.k8s.io",
  version: "v1",
  kind: "SubjectAccessReview",
  names: { plural: "subjectaccessreviews", singular: "subjectaccessreview" },
  scope: "Cluster",
  subresources: [],
  verbs: ["create"],
  validate: validateSubjectAccessReview,
  columns: nameAndAge,
};
