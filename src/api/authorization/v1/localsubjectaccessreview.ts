/** LocalSubjectAccessReview asks whether a user may do something in a namespace; answered, never stored. @module */
import type { Kind } from "#apimachinery";
import { nameAndAge } from "../../printing/columns.ts";
import { validateLocalSubjectAccessReview } from "./validation.ts";
import type { LocalSubjectAccessReview } from "./types.gen.ts";

export const LocalSubjectAccessReviews: Kind<LocalSubjectAccessReview> = {
  group: "authorization.k8s.io",
  version: "v1",
  kind: "LocalSubjectAccessReview",
  names: { plural: "localsubjectaccessreviews", singular: "localsubjectaccessreview" },
  scope: "Namespaced",
  subresources: [],
  verbs: ["create"],
  validate: validateLocalSubjectAccessReview,
  columns: nameAndAge,
};
