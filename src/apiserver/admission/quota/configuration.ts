/** What ResourceQuota is configured with: resources that nobody uses without a quota that covers them. @module */
import { field, type StatusCause } from "#apimachinery";
import type { ScopedResourceSelectorRequirement } from "#api/core/v1/types.gen";
import { parseConfig } from "#component-base";
import { listOf, STRING, struct } from "../../config-schema.ts";
import type { PluginDocument } from "../configuration/admission-configuration.ts";

/** Upstream's `LimitedResource`. */
export interface LimitedResource {
  readonly apiGroup: string;
  /** `pods`. */
  readonly resource: string;
  /** Names of quota resources are limited that contain one of these. */
  readonly matchContains: readonly string[];
  readonly matchScopes: readonly ScopedResourceSelectorRequirement[];
}

const SCOPE = struct("ScopedResourceSelectorRequirement", {
  scopeName: STRING,
  operator: STRING,
  values: listOf(STRING),
});
const SCHEMA = struct("ResourceQuotaConfiguration", {
  apiVersion: STRING,
  kind: STRING,
  limitedResources: listOf(
    struct("LimitedResource", {
      apiGroup: STRING,
      resource: STRING,
      matchContains: listOf(STRING),
      matchScopes: listOf(SCOPE),
    }),
  ),
});
const V1 = "apiserver.config.k8s.io/v1";
/** The former names of the same. */
const FORMER = ["resourcequota.admission.k8s.io/v1beta1", "resourcequota.admission.k8s.io/v1alpha1"];

/** Throws `ConfigError`. */
export function limitedResources({ text, source, apiVersion }: PluginDocument): readonly LimitedResource[] {
  const isFormer = FORMER.includes(apiVersion);
  return parseConfig(text, source, {
    apiVersion: isFormer ? apiVersion : V1,
    kind: isFormer ? "Configuration" : "ResourceQuotaConfiguration",
    schema: SCHEMA,
    defaults: ({ limitedResources: listed = [] }) =>
      (listed as readonly Partial<LimitedResource>[]).map((limited) => ({
        apiGroup: "",
        resource: "",
        matchContains: [],
        matchScopes: [],
        ...limited,
      })),
    validate: causesOf,
  });
}

function causesOf(listed: readonly LimitedResource[]): readonly StatusCause[] {
  return listed.flatMap(({ resource }, i) =>
    resource === "" ? [field.required(field.child(field.index("limitedResources", i), "resource"))] : [],
  );
}
