/** Admission policies that concern one test's namespace alone. @module */
import { MutatingAdmissionPolicies } from "#api/admissionregistration/v1/mutatingadmissionpolicy";
import { MutatingAdmissionPolicyBindings } from "#api/admissionregistration/v1/mutatingadmissionpolicybinding";
import type {
  MatchResources,
  MutatingAdmissionPolicySpec,
  ValidatingAdmissionPolicySpec,
} from "#api/admissionregistration/v1/types.gen";
import { ValidatingAdmissionPolicies } from "#api/admissionregistration/v1/validatingadmissionpolicy";
import { ValidatingAdmissionPolicyBindings } from "#api/admissionregistration/v1/validatingadmissionpolicybinding";
import type { ConformanceContext } from "../harness/index.ts";

const API_VERSION = "admissionregistration.k8s.io/v1";

/** Creates and updates of Deployments. */
export const DEPLOYMENT_RULES: MatchResources = {
  resourceRules: [
    {
      apiGroups: ["apps"],
      apiVersions: ["v1"],
      operations: ["CREATE", "UPDATE"],
      resources: ["deployments"],
    },
  ],
};

function inNamespace({ namespace }: ConformanceContext): MatchResources {
  return { namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": namespace } } };
}

/** With a binding; both go after the test. Gives their name. */
export async function newValidatingPolicy(
  t: ConformanceContext,
  spec: ValidatingAdmissionPolicySpec,
): Promise<string> {
  const { client, signal, unique: name } = t;
  const metadata = { name };
  await client.create(
    ValidatingAdmissionPolicies,
    { apiVersion: API_VERSION, kind: "ValidatingAdmissionPolicy", metadata, spec },
    signal,
  );
  t.cleanup((undoing) => client.delete(ValidatingAdmissionPolicies, { name }, undoing));
  await client.create(
    ValidatingAdmissionPolicyBindings,
    {
      apiVersion: API_VERSION,
      kind: "ValidatingAdmissionPolicyBinding",
      metadata,
      spec: { policyName: name, validationActions: ["Deny"], matchResources: inNamespace(t) },
    },
    signal,
  );
  t.cleanup((undoing) => client.delete(ValidatingAdmissionPolicyBindings, { name }, undoing));
  return name;
}

export async function newMutatingPolicy(
  t: ConformanceContext,
  spec: MutatingAdmissionPolicySpec,
): Promise<string> {
  const { client, signal, unique: name } = t;
  const metadata = { name };
  await client.create(
    MutatingAdmissionPolicies,
    { apiVersion: API_VERSION, kind: "MutatingAdmissionPolicy", metadata, spec },
    signal,
  );
  t.cleanup((undoing) => client.delete(MutatingAdmissionPolicies, { name }, undoing));
  await client.create(
    MutatingAdmissionPolicyBindings,
    {
      apiVersion: API_VERSION,
      kind: "MutatingAdmissionPolicyBinding",
      metadata,
      spec: { policyName: name, matchResources: inNamespace(t) },
    },
    signal,
  );
  t.cleanup((undoing) => client.delete(MutatingAdmissionPolicyBindings, { name }, undoing));
  return name;
}
