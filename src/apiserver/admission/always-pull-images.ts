/** Option: images are pulled for every pod, so that nobody runs a private one that only lies on the node. @module */
import { field, invalid, type KubeObject } from "#apimachinery";
import type { Pod, PodSpec } from "#api/core/v1/types.gen";
import type { AdmissionPlugin, Attributes } from "./plugin.ts";

const POLICY = "Always";
const LISTS = ["initContainers", "containers", "ephemeralContainers"] as const;

export const alwaysPullImages: AdmissionPlugin = {
  name: "AlwaysPullImages",
  operations: ["CREATE", "UPDATE"],
  resources: ["core/pods"],
  admit(object, attributes) {
    const { spec } = object as Pod;
    if (spec === undefined || !isConcerned(attributes)) return object;
    return { ...object, spec: withPolicy(spec) } as KubeObject;
  },
  validate(attributes) {
    const { metadata, spec } = attributes.object as Pod;
    if (spec === undefined || !isConcerned(attributes)) return;
    const causes = LISTS.flatMap((list) =>
      (spec[list] ?? []).flatMap(({ imagePullPolicy = "" }, i) =>
        imagePullPolicy === POLICY
          ? []
          : [field.notSupported(`spec.${list}[${i}].imagePullPolicy`, imagePullPolicy, [POLICY])],
      ),
    );
    if (causes.length > 0) throw invalid(attributes.kind, metadata.name, causes);
  },
};

/** A change that names no new image pulls nothing. */
function isConcerned({ subresource, operation, object, oldObject }: Attributes): boolean {
  if (subresource !== "" && subresource !== "ephemeralcontainers") return false;
  if (operation === "CREATE") return true;
  const before = new Set(imagesOf(oldObject as Pod));
  return imagesOf(object as Pod).some((image) => !before.has(image));
}

function imagesOf({ spec }: Pod): readonly string[] {
  return LISTS.flatMap((list) => (spec?.[list] ?? []).map(({ image = "" }) => image));
}

function withPolicy(spec: PodSpec): PodSpec {
  const pulled = LISTS.flatMap((list) => {
    const containers = spec[list];
    if (containers === undefined) return [];
    return [[list, containers.map((container) => ({ ...container, imagePullPolicy: POLICY }))] as const];
  });
  return { ...spec, ...Object.fromEntries(pulled) };
}
