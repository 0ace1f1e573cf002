/** StorageVersionMigration has every object of a resource written again, in the version of today; the version that is stored. @module */
import type { Kind } from "#apimachinery";
import type { UnservedKind } from "../../beta-kinds.ts";
import { keepMetadata } from "../../meta/v1/status-metadata.ts";
import { nameColumn, text } from "../../printing/columns.ts";
import type { StorageVersionMigration } from "./types.gen.ts";
import {
  validateStorageVersionMigration,
  validateStorageVersionMigrationStatusUpdate,
  validateStorageVersionMigrationUpdate,
} from "./validation.ts";

const OUTCOMES: readonly string[] = ["Running", "Failed", "Succeeded"];

export const StorageVersionMigrations: Kind<StorageVersionMigration> & Pick<UnservedKind, "servedByDefault"> =
  {
    group: "storagemigration.k8s.io",
    version: "v1beta1",
    kind: "StorageVersionMigration",
    names: { plural: "storageversionmigrations", singular: "storageversionmigration" },
    scope: "Cluster",
    subresources: ["status"],
    servedByDefault: false,
    deprecated: {
      since: "1.37",
      replacement: { group: "storagemigration.k8s.io", version: "v1", kind: "StorageVersionMigration" },
    },
    validate: validateStorageVersionMigration,
    validateUpdate: validateStorageVersionMigrationUpdate,
    validateStatusUpdate: validateStorageVersionMigrationStatusUpdate,
    strategy: { allowUnconditionalUpdate: false, prepareForStatusUpdate: keepMetadata },
    columns: [nameColumn, text("Resource", resource), text("Status", outcome)],
  };

function resource({ spec }: StorageVersionMigration): string {
  const { group = "", resource: name = "" } = spec?.resource ?? {};
  return group === "" ? name : `${name}.${group}`;
}

/** The last of those that hold. */
function outcome({ status }: StorageVersionMigration): string {
  const found = status?.conditions?.findLast((c) => c.status === "True" && OUTCOMES.includes(c.type));
  return found?.type ?? "Unknown";
}
