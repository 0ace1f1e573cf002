/** Pods stay five minutes on a node that went away, unless they say otherwise. @module */
import type { KubeObject } from "#apimachinery";
import type { Pod, Toleration } from "#api/core/v1/types.gen";
import type { AdmissionPlugin } from "./plugin.ts";

const SECONDS = 300;
const NO_EXECUTE = "NoExecute";
const TAINTS = ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"];

export const defaultTolerationSeconds: AdmissionPlugin = {
  name: "DefaultTolerationSeconds",
  operations: ["CREATE", "UPDATE"],
  resources: ["core/pods"],
  admit(object, { subresource }) {
    const pod = object as Pod;
    if (pod.spec === undefined || subresource !== "") return object;
    const tolerations = pod.spec.tolerations ?? [];
    const missing = TAINTS.filter((key) => !tolerations.some((toleration) => tolerates(toleration, key)));
    if (missing.length === 0) return object;
    const added = missing.map((key) => ({
      key,
      operator: "Exists",
      effect: NO_EXECUTE,
      tolerationSeconds: SECONDS,
    }));
    return { ...pod, spec: { ...pod.spec, tolerations: [...tolerations, ...added] } } as KubeObject;
  },
};

function tolerates({ key = "", effect = "" }: Toleration, taint: string): boolean {
  return (key === taint || key === "") && (effect === NO_EXECUTE || effect === "");
}
