/** Labels of nodes that have a successor, and the warnings of those who select by them. @module */
import type { LabelSelector } from "../../meta/v1/types.gen.ts";

const DEPRECATED: Readonly<Record<string, string>> = {
  "beta.kubernetes.io/arch": 'deprecated since v1.14; use "kubernetes.io/arch" instead',
  "beta.kubernetes.io/os": 'deprecated since v1.14; use "kubernetes.io/os" instead',
  "failure-domain.beta.kubernetes.io/region":
    'deprecated since v1.17; use "topology.kubernetes.io/region" instead',
  "failure-domain.beta.kubernetes.io/zone":
    'deprecated since v1.17; use "topology.kubernetes.io/zone" instead',
  "beta.kubernetes.io/instance-type":
    'deprecated since v1.17; use "node.kubernetes.io/instance-type" instead',
  "app.kubernetes.io/created-by": "deprecated since v1.9",
  "scheduler.alpha.kubernetes.io/preferAvoidPods":
    "deprecated since v1.22; use Taints and Tolerations instead",
  "node-role.kubernetes.io/master": 'use "node-role.kubernetes.io/control-plane" instead',
};

export function deprecationOfLabel(name: string): string | undefined {
  return Object.hasOwn(DEPRECATED, name) ? DEPRECATED[name] : undefined;
}

export function warningsForNodeSelector(
  selector: LabelSelector | undefined,
  path: string,
): readonly string[] {
  const expressions = (selector?.matchExpressions ?? []).flatMap(({ key }, i) => {
    const message = deprecationOfLabel(key);
    return message === undefined ? [] : [`${path}.matchExpressions[${i}].key: ${key} is ${message}`];
  });
  const labels = Object.keys(selector?.matchLabels ?? {}).flatMap((label) => {
    const message = deprecationOfLabel(label);
    return message === undefined ? [] : [`${path}.matchLabels.${label}: ${message}`];
  });
  return [...expressions, ...labels];
}
