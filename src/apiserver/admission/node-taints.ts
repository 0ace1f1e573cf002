/** A new node takes no pods until it is seen to be ready; upstream's TaintNodesByCondition. @module */
import type { KubeObject } from "#apimachinery";
import type { Node } from "#api/core/v1/types.gen";
import type { AdmissionPlugin } from "./plugin.ts";

const NOT_READY = { key: "node.kubernetes.io/not-ready", effect: "NoSchedule" } as const;

export const taintNodesByCondition: AdmissionPlugin = {
  name: "TaintNodesByCondition",
  operations: ["CREATE"],
  resources: ["core/nodes"],
  admit(object) {
    const node = object as Node;
    const taints = node.spec?.taints ?? [];
    if (taints.some(({ key, effect }) => key === NOT_READY.key && effect === NOT_READY.effect)) return object;
    return { ...node, spec: { ...node.spec, taints: [...taints, NOT_READY] } } as KubeObject;
  },
};
