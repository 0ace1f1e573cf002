/** MutatingAdmissionPolicyBinding applies a policy to requests, with parameters. @module */
import type { Kind } from "#apimachinery";
import { ageColumn, nameColumn, text } from "../../printing/columns.ts";
import { paramRef } from "./policy-columns.ts";
import { validateMutatingAdmissionPolicyBinding } from "./policy-binding-validation.ts";
import type { MutatingAdmissionPolicyBinding } from "./types.gen.ts";

export const MutatingAdmissionPolicyBindings: Kind<MutatingAdmissionPolicyBinding> = {
  group: "admissionregistration.k8s.io",
  version: "v1",
  kind: "MutatingAdmissionPolicyBinding",
  names: {
    plural: "mutatingadmissionpolicybindings",
    singular: "mutatingadmissionpolicybinding",
    categories: ["api-extensions"],
  },
  scope: "Cluster",
  subresources: [],
  validate: validateMutatingAdmissionPolicyBinding,
  strategy: { allowUnconditionalUpdate: false },
  columns: [
    nameColumn,
    text("PolicyName", (binding) => binding.spec?.policyName ?? ""),
    text("ParamRef", (binding) => paramRef(binding.spec?.paramRef)),
    ageColumn,
  ],
};
