/** Which feature gates a kubelet's configuration may name: a kubelet of k8ts has those of Kubernetes as they are. @module */
import { KUBERNETES_FEATURES } from "#component-base";

/** Why the gate cannot be set so; undefined: it is so anyway. */
export function featureGateError(name: string, value: unknown): string | undefined {
  if (typeof value !== "boolean") return `featureGates.${name} must be true or false`;
  const spec = Object.hasOwn(KUBERNETES_FEATURES, name) ? KUBERNETES_FEATURES[name] : undefined;
  if (spec === undefined) return `unrecognized feature gate: ${name}`;
  return spec.default === value
    ? undefined
    : `featureGates.${name} ${value} is not supported by this kubelet, only ${spec.default}`;
}
