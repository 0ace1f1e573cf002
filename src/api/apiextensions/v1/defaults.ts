/** Names and conversion of CustomResourceDefinitions that may be left out. @module */
import type { CustomResourceDefinition } from "./types.gen.ts";

export function defaultCustomResourceDefinition(crd: CustomResourceDefinition): CustomResourceDefinition {
  const { spec } = crd;
  const { kind } = spec.names;
  const stored = spec.versions.find((version) => version.storage)?.name;
  const needsStored = stored !== undefined && (crd.status?.storedVersions?.length ?? 0) === 0;
  return {
    ...crd,
    spec: {
      ...spec,
      names: {
        ...spec.names,
        singular: spec.names.singular || kind.toLowerCase(),
        ...(kind !== "" && { listKind: spec.names.listKind || `${kind}List` }),
      },
      conversion: spec.conversion ?? { strategy: "None" },
    },
    ...(needsStored && { status: { ...crd.status, storedVersions: [stored] } }),
  };
}
