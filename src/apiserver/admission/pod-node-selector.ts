/** Option: the pods of a namespace go to its nodes; the annotation of the namespace or the configuration names them. @module */
import { StatusError, type KubeObject } from "#apimachinery";
import type { Pod } from "#api/core/v1/types.gen";
import { namespaceOf } from "./namespace-of.ts";
import type { ObjectLookup } from "./object-lookup.ts";
import type { AdmissionPlugin, Attributes } from "./plugin.ts";
import { refuse } from "./refuse.ts";

/** Selectors by namespace, which bound what its pods may ask for; and one for namespaces that name none. */
export type NodeSelectors = Readonly<Record<string, string>>;

const ANNOTATION = "scheduler.alpha.kubernetes.io/node-selector";
const CLUSTER_DEFAULT = "clusterDefaultNodeSelector";

type Labels = Readonly<Record<string, string>>;

export function podNodeSelector(lookup: ObjectLookup, selectors: NodeSelectors = {}): AdmissionPlugin {
  const selectorOf = async (namespace: string): Promise<Labels> => {
    const { annotations = {} } = (await namespaceOf(lookup, namespace)).metadata;
    return toLabels(annotations[ANNOTATION] ?? selectors[CLUSTER_DEFAULT] ?? "");
  };
  return {
    name: "PodNodeSelector",
    operations: ["CREATE"],
    resources: ["core/pods"],
    async admit(object, attributes) {
      const { spec } = object as Pod;
      if (spec === undefined || attributes.subresource !== "") return object;
      const wanted = await selectorOf(attributes.namespace);
      checkConflict(wanted, spec.nodeSelector, attributes);
      const nodeSelector = { ...wanted, ...spec.nodeSelector };
      if (Object.keys(nodeSelector).length === 0) return object;
      return { ...object, spec: { ...spec, nodeSelector } } as KubeObject;
    },
    async validate(attributes) {
      const { spec } = attributes.object as Pod;
      if (spec === undefined || attributes.subresource !== "") return;
      checkConflict(await selectorOf(attributes.namespace), spec.nodeSelector, attributes);
      const allowed = toLabels(selectors[attributes.namespace] ?? "");
      if (Object.keys(allowed).length === 0) return;
      const own = Object.entries(spec.nodeSelector ?? {});
      if (own.every(([key, value]) => allowed[key] === value)) return;
      throw refuse(attributes, "pod node label selector labels conflict with its namespace whitelist");
    },
  };
}

function checkConflict(wanted: Labels, own: Labels = {}, attributes: Attributes): void {
  if (Object.entries(wanted).every(([key, value]) => own[key] === undefined || own[key] === value)) return;
  throw refuse(attributes, "pod node label selector conflicts with its namespace node label selector");
}

/** `a=b,c=d`. Throws what upstream says of others. */
function toLabels(text: string): Labels {
  if (text === "") return {};
  const pairs = text.split(",").map((part) => {
    const pieces = part.split("=");
    if (pieces.length !== 2) throw new StatusError("Unknown", `invalid selector: [${pieces.join(" ")}]`);
    return [pieces[0]!.trim(), pieces[1]!.trim()] as const;
  });
  return Object.fromEntries(pairs);
}
