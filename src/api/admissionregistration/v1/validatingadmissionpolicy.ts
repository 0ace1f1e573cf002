/** ValidatingAdmissionPolicy holds CEL rules that requests must satisfy. @module */
import type { Kind } from "#apimachinery";
import { keepMetadata } from "../../meta/v1/status-metadata.ts";
import { ageColumn, integer, nameColumn, text } from "../../printing/columns.ts";
import { paramKind } from "./policy-columns.ts";
import {
  validateValidatingAdmissionPolicy,
  validateValidatingAdmissionPolicyStatus,
} from "./policy-validation.ts";
import type { ValidatingAdmissionPolicy } from "./types.gen.ts";

export const ValidatingAdmissionPolicies: Kind<ValidatingAdmissionPolicy> = {
  group: "admissionregistration.k8s.io",
  version: "v1",
  kind: "ValidatingAdmissionPolicy",
  names: {
    plural: "validatingadmissionpolicies",
    singular: "validatingadmissionpolicy",
    categories: ["api-extensions"],
  },
  scope: "Cluster",
  subresources: ["status"],
  validate: validateValidatingAdmissionPolicy,
  validateStatusUpdate: validateValidatingAdmissionPolicyStatus,
  strategy: { allowUnconditionalUpdate: false, prepareForStatusUpdate: keepMetadata },
  columns: [
    nameColumn,
    integer("Validations", (policy) => policy.spec?.validations?.length ?? 0),
    text("ParamKind", (policy) => paramKind(policy.spec?.paramKind)),
    ageColumn,
  ],
};
