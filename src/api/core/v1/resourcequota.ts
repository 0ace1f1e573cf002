/** ResourceQuota bounds what a namespace may hold. @module */
import type { Kind } from "#apimachinery";
import { sorted } from "#apimachinery";
import { ageColumn, nameColumn, text } from "../../printing/columns.ts";
import {
  validateResourceQuota,
  validateResourceQuotaStatusUpdate,
  validateResourceQuotaUpdate,
  warningsForResourceQuota,
} from "./resourcequota-validation.ts";
import type { ResourceQuota } from "./types.gen.ts";

export const ResourceQuotas: Kind<ResourceQuota> = {
  group: "",
  version: "v1",
  kind: "ResourceQuota",
  names: { plural: "resourcequotas", singular: "resourcequota", short: ["quota"] },
  scope: "Namespaced",
  subresources: ["status"],
  validate: validateResourceQuota,
  validateUpdate: validateResourceQuotaUpdate,
  validateStatusUpdate: validateResourceQuotaStatusUpdate,
  strategy: { warnings: warningsForResourceQuota },
  columns: [
    nameColumn,
    text("Request", (quota) => usage(quota, (resource) => !isLimit(resource))),
    text("Limit", (quota) => usage(quota, isLimit)),
    ageColumn,
  ],
};

function isLimit(resource: string): boolean {
  return resource.startsWith("limits.");
}

function usage(quota: ResourceQuota, wanted: (resource: string) => boolean): string {
  const { hard = {}, used = {} } = quota.status ?? {};
  return sorted(Object.keys(hard))
    .filter(wanted)
    .map((resource) => `${resource}: ${used[resource] ?? "0"}/${hard[resource]}`)
    .join(", ");
}
