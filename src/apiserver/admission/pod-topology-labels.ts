/** Pods learn the zone and region of their node: its labels come with the binding. @module */
import type { KubeObject } from "#apimachinery";
import type { Binding, Pod } from "#api/core/v1/types.gen";
import type { ObjectLookup } from "./object-lookup.ts";
import type { AdmissionPlugin } from "./plugin.ts";

const LABELS = ["topology.kubernetes.io/zone", "topology.kubernetes.io/region"];

export function podTopologyLabels(lookup: ObjectLookup): AdmissionPlugin {
  return {
    name: "PodTopologyLabels",
    operations: ["CREATE"],
    resources: ["core/pods"],
    admit(object, { subresource }) {
      const node = nodeNameOf(object, subresource);
      const known = node === "" ? undefined : lookup.get("core/nodes", "", node)?.metadata.labels;
      const own = LABELS.flatMap((key) => (known?.[key] === undefined ? [] : [[key, known[key]]]));
      if (own.length === 0) return object;
      const { metadata } = object;
      return {
        ...object,
        metadata: { ...metadata, labels: { ...metadata.labels, ...Object.fromEntries(own) } },
      };
    },
  };
}

/** "": none. */
function nodeNameOf(object: KubeObject, subresource: string): string {
  if (subresource === "") return (object as Pod).spec?.nodeName ?? "";
  if (subresource !== "binding") return "";
  const { kind = "", name = "" } = (object as Binding).target ?? {};
  return kind === "Node" ? name : "";
}
