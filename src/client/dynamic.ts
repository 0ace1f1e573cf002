/** Kinds made at run time, from discovery or from a CustomResourceDefinition. @module */
import type { Kind, KubeObject, Verb } from "#apimachinery";

/** An object of which only the metadata is known to the compiler. */
export interface Unstructured extends KubeObject {
  readonly [field: string]: unknown;
}

export interface DynamicKindOptions {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly namespaced: boolean;
  readonly singular?: string;
  readonly shortNames?: readonly string[];
  readonly categories?: readonly string[];
  readonly subresources?: readonly string[];
  /** Absent: all of them. */
  readonly verbs?: readonly Verb[];
}

/** Enough of a `Kind` for every client and informer; it has no behaviour for servers. */
export function dynamicKind(options: DynamicKindOptions): Kind<Unstructured> {
  const { group, version, kind, plural, namespaced, singular, shortNames, categories, verbs } = options;
  return {
    group,
    version,
    kind,
    names: {
      plural,
      singular: singular !== undefined && singular !== "" ? singular : kind.toLowerCase(),
      ...(shortNames !== undefined && { short: shortNames }),
      ...(categories !== undefined && { categories }),
    },
    scope: namespaced ? "Namespaced" : "Cluster",
    subresources: options.subresources ?? [],
    ...(verbs !== undefined && { verbs }),
    columns: [],
  };
}
