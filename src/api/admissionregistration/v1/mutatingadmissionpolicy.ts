/** MutatingAdmissionPolicy holds CEL expressions that change requests. @module */
import type { Kind } from "#apimachinery";
import { ageColumn, integer, nameColumn, text } from "../../printing/columns.ts";
import { paramKind } from "./policy-columns.ts";
import { validateMutatingAdmissionPolicy } from "./policy-validation.ts";
import type { MutatingAdmissionPolicy } from "./types.gen.ts";

export const MutatingAdmissionPolicies: Kind<MutatingAdmissionPolicy> = {
  group: "admissionregistration.k8s.io",
  version: "v1",
  kind: "MutatingAdmissionPolicy",
  names: {
    plural: "mutatingadmissionpolicies",
    singular: "mutatingadmissionpolicy",
    categories: ["api-extensions"],
  },
  scope: "Cluster",
  subresources: [],
  validate: validateMutatingAdmissionPolicy,
  strategy: { allowUnconditionalUpdate: false },
  columns: [
    nameColumn,
    integer("Mutations", (policy) => policy.spec?.mutations?.length ?? 0),
    text("ParamKind", (policy) => paramKind(policy.spec?.paramKind)),
    ageColumn,
  ],
};
