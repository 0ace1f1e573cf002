/** CustomResourceDefinitions for tests: a group of their own, established and served before the test goes on. @module */
import { CustomResourceDefinitions } from "#api/apiextensions/v1/customresourcedefinition";
import type {
  CustomResourceDefinition,
  CustomResourceDefinitionSpec,
  CustomResourceDefinitionVersion,
  JSONSchemaProps,
} from "#api/apiextensions/v1/types.gen";
import type { Kind } from "#apimachinery";
import { dynamicKind, type Unstructured } from "#client";
import type { ConformanceContext } from "./context.ts";

export interface CustomKind {
  readonly crd: CustomResourceDefinition;
  /** Of the first version. */
  readonly kind: Kind<Unstructured>;
}

export interface CustomKindOptions {
  /** Of the only version, `v1`. Default: anything goes. */
  readonly schema?: JSONSchemaProps;
  /** Instead of `schema`. */
  readonly versions?: readonly CustomResourceDefinitionVersion[];
  readonly scope?: "Namespaced" | "Cluster";
  /** Default: one that no other test has. */
  readonly group?: string;
  /** In place of what is made of the above. */
  readonly spec?: Partial<CustomResourceDefinitionSpec>;
}

const ANYTHING: JSONSchemaProps = { type: "object", "x-kubernetes-preserve-unknown-fields": true };

/** Deleted after the test. Resolves when the resource is served. */
export async function newCustomKind(
  t: ConformanceContext,
  options: CustomKindOptions = {},
): Promise<CustomKind> {
  const { schema = ANYTHING, scope = "Namespaced", group = `${t.unique}.example.com` } = options;
  const versions = options.versions ?? [
    { name: "v1", served: true, storage: true, schema: { openAPIV3Schema: schema } },
  ];
  const names = {
    plural: "gadgets",
    singular: "gadget",
    kind: "Gadget",
    listKind: "GadgetList",
    ...options.spec?.names,
  };
  const made = await t.client.create(
    CustomResourceDefinitions,
    {
      apiVersion: "apiextensions.k8s.io/v1",
      kind: "CustomResourceDefinition",
      metadata: { name: `${names.plural}.${group}` },
      spec: { group, scope, versions, ...options.spec, names },
    },
    t.signal,
  );
  const ref = { name: made.metadata.name };
  t.cleanup((signal) => t.client.delete(CustomResourceDefinitions, ref, signal));
  const crd = await t.waitFor(CustomResourceDefinitions, ref, isEstablished);
  const { name: version, subresources } = crd.spec.versions[0]!;
  const kind = dynamicKind({
    group,
    version,
    kind: names.kind,
    plural: names.plural,
    namespaced: crd.spec.scope === "Namespaced",
    subresources: Object.keys(subresources ?? {}),
  });
  return { crd, kind };
}

export function isEstablished(crd: CustomResourceDefinition | undefined): boolean {
  return (crd?.status?.conditions ?? []).some(
    ({ type, status }) => type === "Established" && status === "True",
  );
}
