/** Option: the pods of a namespace get its tolerations, and have no others than it allows. @module */
import { StatusError, type KubeObject } from "#apimachinery";
import { computeQosClass } from "#api/core/v1/qos";
import type { Pod, Toleration } from "#api/core/v1/types.gen";
import { namespaceOf } from "../namespace-of.ts";
import type { ObjectLookup } from "../object-lookup.ts";
import type { AdmissionPlugin, Attributes } from "../plugin.ts";
import type { TolerationRestriction } from "./configuration.ts";
import { isWithin, mergeTolerations } from "./tolerations.ts";

const DEFAULTS = "scheduler.alpha.kubernetes.io/defaultTolerations";
const WHITELIST = "scheduler.alpha.kubernetes.io/tolerationsWhitelist";
const MEMORY_PRESSURE: Toleration = {
  key: "node.kubernetes.io/memory-pressure",
  operator: "Exists",
  effect: "NoSchedule",
};

export function podTolerationRestriction(
  lookup: ObjectLookup,
  config: TolerationRestriction = { default: [], whitelist: [] },
): AdmissionPlugin {
  const verify = async (tolerations: readonly Toleration[] = [], namespace: string): Promise<void> => {
    if (tolerations.length === 0) return;
    const own = read((await namespaceOf(lookup, namespace)).metadata.annotations, WHITELIST);
    if (isWithin(tolerations, own ?? config.whitelist)) return;
    const scope = own === undefined ? "cluster" : "namespace";
    throw new StatusError(
      "Unknown",
      `pod tolerations (possibly merged with namespace default tolerations) conflict with its ${scope} whitelist`,
    );
  };
  return {
    name: "PodTolerationRestriction",
    operations: ["CREATE", "UPDATE"],
    resources: ["core/pods"],
    async admit(object, attributes) {
      const { spec } = object as Pod;
      if (spec === undefined || !isConcerned(attributes)) return object;
      const { namespace, operation } = attributes;
      const { annotations } = (await namespaceOf(lookup, namespace)).metadata;
      const extra = [
        ...(operation === "CREATE" ? (read(annotations, DEFAULTS) ?? config.default) : []),
        ...(computeQosClass(spec) === "BestEffort" ? [] : [MEMORY_PRESSURE]),
      ];
      const given = spec.tolerations ?? [];
      const tolerations = extra.length === 0 ? given : mergeTolerations(given, extra);
      await verify(tolerations, namespace);
      return extra.length === 0 ? object : ({ ...object, spec: { ...spec, tolerations } } as KubeObject);
    },
    async validate(attributes) {
      if (!isConcerned(attributes)) return;
      await verify((attributes.object as Pod).spec?.tolerations, attributes.namespace);
    },
  };
}

function isConcerned({ subresource }: Attributes): boolean {
  return subresource === "";
}

/** undefined when the namespace says nothing: the cluster's count then. */
function read(
  annotations: Readonly<Record<string, string>> = {},
  key: string,
): readonly Toleration[] | undefined {
  const text = annotations[key];
  if (text === undefined) return undefined;
  if (text === "") return [];
  try {
    const parsed: unknown = JSON.parse(text);
    if (Array.isArray(parsed)) return parsed as readonly Toleration[];
    throw new Error("it is no list of tolerations");
  } catch (cause) {
    throw new StatusError("Unknown", `annotation ${key}: ${(cause as Error).message}`, { cause });
  }
}
