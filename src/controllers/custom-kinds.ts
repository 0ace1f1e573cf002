/** The kinds that CustomResourceDefinitions add, as garbage collection and namespace deletion know them. @module */
import type { Kind } from "#apimachinery";
import { apiVersionOf } from "#apimachinery";
import { CustomResourceDefinitions } from "#api/apiextensions/v1/customresourcedefinition";
import type { CustomResourceDefinition } from "#api/apiextensions/v1/types.gen";
import { dynamicKind } from "#client";
import type { ControllerContext } from "#controller-runtime";
import type { ResourceSource } from "./resources.ts";
import { staticResources, supports } from "./resources.ts";

/** The built-in kinds and, at any time, those of the definitions that are established. */
export function clusterResources({ informers }: Pick<ControllerContext, "informers">): ResourceSource {
  const builtin = staticResources();
  const definitions = informers.lister(CustomResourceDefinitions);
  const custom = (): readonly (readonly Kind[])[] => definitions.list().map((crd) => customKindsOf(crd));
  return {
    supporting: (...verbs) => [
      ...builtin.supporting(...verbs),
      ...custom().flatMap(([first]) =>
        first !== undefined && verbs.every((verb) => supports(first, verb)) ? [first] : [],
      ),
    ],
    mapping: (apiVersion, kind) =>
      builtin.mapping(apiVersion, kind) ??
      custom().find((versions) =>
        versions.some((own) => own.kind === kind && apiVersionOf(own) === apiVersion),
      )?.[0],
  };
}

/** One for each served version, the stored one first; none before the definition is established. */
export function customKindsOf({ spec, status }: CustomResourceDefinition): readonly Kind[] {
  const isEstablished = status?.conditions?.some((c) => c.type === "Established" && c.status === "True");
  if (isEstablished !== true) return [];
  const { plural, kind } = status?.acceptedNames ?? spec.names;
  return spec.versions
    .filter((version) => version.served)
    .toSorted((a, b) => Number(b.storage) - Number(a.storage))
    .map(
      ({ name: version }) =>
        dynamicKind({
          group: spec.group,
          version,
          kind,
          plural,
          namespaced: spec.scope === "Namespaced",
        }) as unknown as Kind,
    );
}
