/** Rules for StorageVersionMigrations. @module */
import { field, isDns1035Label, isDns1123Subdomain } from "#apimachinery";
import { validateConditions } from "../../meta/v1/condition-validation.ts";
import { immutable, NONE, type Causes } from "../../validation/common.ts";
import type { StorageVersionMigration } from "./types.gen.ts";

const CONDITIONS = "status.conditions";
const RESOURCE_VERSION = "status.resourceVersion";

export function validateStorageVersionMigration({ spec }: StorageVersionMigration): Causes {
  const { group = "", resource = "" } = spec?.resource ?? {};
  const problems = resource === "" ? [] : isDns1035Label(resource);
  const groupProblems = group === "" ? [] : isDns1123Subdomain(group);
  return [
    ...(resource === ""
      ? [field.required("spec.resource.resource", "resource is required to be set")]
      : NONE),
    ...(problems.length > 0 ? [field.invalid("spec.resource.resource", resource, problems.join(","))] : NONE),
    ...(groupProblems.length > 0
      ? [field.invalid("spec.resource.group", group, groupProblems.join(","))]
      : NONE),
  ];
}

export function validateStorageVersionMigrationUpdate(
  migration: StorageVersionMigration,
  old: StorageVersionMigration,
): Causes {
  return immutable(migration.spec, old.spec, "spec");
}

/** What succeeded or failed stays so, and the version it is about is said once. */
export function validateStorageVersionMigrationStatusUpdate(
  migration: StorageVersionMigration,
  old: StorageVersionMigration,
): Causes {
  const { conditions, resourceVersion = "" } = migration.status ?? {};
  const before = old.status?.resourceVersion ?? "";
  const changed = (message: string): Causes => [field.invalid(CONDITIONS, conditions, message)];
  return [
    ...(resourceVersion === "" || /^[1-9]\d*$/.test(resourceVersion)
      ? NONE
      : [
          field.invalid(
            RESOURCE_VERSION,
            resourceVersion,
            `resource version is not well formed: ${resourceVersion}`,
          ),
        ]),
    ...validateConditions(conditions, CONDITIONS),
    ...(before !== "" && before !== resourceVersion
      ? [field.invalid(RESOURCE_VERSION, resourceVersion, field.IMMUTABLE_MESSAGE)]
      : NONE),
    ...(isTrue(migration, "Succeeded") && isTrue(migration, "Failed")
      ? changed("Both success and failed conditions cannot be true at the same time")
      : NONE),
    ...(isTrue(old, "Succeeded") && !isTrue(migration, "Succeeded")
      ? changed("Success condition cannot be set to false once it is true")
      : NONE),
    ...(isTrue(old, "Failed") && !isTrue(migration, "Failed")
      ? changed("Failed condition cannot be set to false once it is true")
      : NONE),
  ];
}

function isTrue({ status }: StorageVersionMigration, type: string): boolean {
  return status?.conditions?.find((condition) => condition.type === type)?.status === "True";
}
