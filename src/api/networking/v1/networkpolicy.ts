/** NetworkPolicy says what traffic pods accept and send. @module */
import type { Kind } from "#apimachinery";
import { ageColumn, formatSelector, nameColumn, text } from "../../printing/columns.ts";
import { networkPolicyWarnings, validateNetworkPolicy } from "./networkpolicy-validation.ts";
import type { NetworkPolicy } from "./types.gen.ts";

export const NetworkPolicies: Kind<NetworkPolicy> = {
  group: "networking.k8s.io",
  version: "v1",
  kind: "NetworkPolicy",
  names: { plural: "networkpolicies", singular: "networkpolicy", short: ["netpol"] },
  scope: "Namespaced",
  subresources: [],
  defaults: defaultNetworkPolicy,
  validate: validateNetworkPolicy,
  strategy: { warnings: networkPolicyWarnings },
  columns: [nameColumn, text("Pod-Selector", (np) => formatSelector(np.spec?.podSelector)), ageColumn],
};

/** A policy without types is one for ingress, and for egress if it has egress rules. */
function defaultNetworkPolicy(policy: NetworkPolicy): NetworkPolicy {
  const spec = policy.spec;
  if (spec === undefined || (spec.policyTypes?.length ?? 0) > 0) return policy;
  const hasEgress = (spec.egress?.length ?? 0) > 0;
  return { ...policy, spec: { ...spec, policyTypes: hasEgress ? ["Ingress", "Egress"] : ["Ingress"] } };
}
