/** Option: pods that ask for a device tolerate the taint by which its nodes keep others away. @module */
import { compareStrings, type KubeObject } from "#apimachinery";
import type { Pod, Toleration } from "#api/core/v1/types.gen";
import type { AdmissionPlugin } from "./plugin.ts";

export const extendedResourceToleration: AdmissionPlugin = {
  name: "ExtendedResourceToleration",
  operations: ["CREATE", "UPDATE"],
  resources: ["core/pods"],
  admit(object, { subresource }) {
    const { spec } = object as Pod;
    if (spec === undefined || subresource !== "") return object;
    const containers = [...spec.containers, ...(spec.initContainers ?? [])];
    const names = containers.flatMap(({ resources }) => Object.keys(resources?.requests ?? {}));
    const given = spec.tolerations ?? [];
    const missing = [...new Set(names.filter(isExtended))]
      .toSorted(compareStrings)
      .map((key): Toleration => ({ key, operator: "Exists" }))
      .filter(({ key }) => !given.some((own) => own.key === key && isTotal(own)));
    if (missing.length === 0) return object;
    return { ...object, spec: { ...spec, tolerations: [...given, ...missing] } } as KubeObject;
  },
};

function isTotal({ operator, effect = "" }: Toleration): boolean {
  return operator === "Exists" && effect === "";
}

function isExtended(name: string): boolean {
  if (!name.includes("/") || name.startsWith("requests.")) return false;
  const domain = name.slice(0, name.indexOf("/"));
  return domain !== "kubernetes.io" && !domain.endsWith(".kubernetes.io");
}
