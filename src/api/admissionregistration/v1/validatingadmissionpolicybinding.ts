/** ValidatingAdmissionPolicyBinding applies a policy to requests, with parameters. @module */
import type { Kind } from "#apimachinery";
import { ageColumn, nameColumn, text } from "../../printing/columns.ts";
import { paramRef } from "./policy-columns.ts";
import { validateValidatingAdmissionPolicyBinding } from "./policy-binding-validation.ts";
import type { ValidatingAdmissionPolicyBinding } from "./types.gen.ts";

export const ValidatingAdmissionPolicyBindings: Kind<ValidatingAdmissionPolicyBinding> = {
  group: "admissionregistration.k8s.io",
  version: "v1",
  kind: "ValidatingAdmissionPolicyBinding",
  names: {
    plural: "validatingadmissionpolicybindings",
    singular: "validatingadmissionpolicybinding",
    categories: ["api-extensions"],
  },
  scope: "Cluster",
  subresources: [],
  validate: validateValidatingAdmissionPolicyBinding,
  strategy: { allowUnconditionalUpdate: false },
  columns: [
    nameColumn,
    text("PolicyName", (binding) => binding.spec?.policyName ?? ""),
    text("ParamRef", (binding) => paramRef(binding.spec?.paramRef)),
    ageColumn,
  ],
};
