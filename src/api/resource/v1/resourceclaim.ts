/** ResourceClaim asks for devices. @module */
import type { Kind } from "#apimachinery";
import { keepMetadata } from "../../meta/v1/status-metadata.ts";
import { ageColumn, nameColumn, text } from "../../printing/columns.ts";
import type { ResourceClaim } from "./types.gen.ts";
import { validateResourceClaimStatusUpdate, withoutDeallocated } from "./claim-status-validation.ts";
import { validateResourceClaimCreate, validateResourceClaimUpdate } from "./validation.ts";

export const ResourceClaims: Kind<ResourceClaim> = {
  group: "resource.k8s.io",
  version: "v1",
  kind: "ResourceClaim",
  names: { plural: "resourceclaims", singular: "resourceclaim" },
  scope: "Namespaced",
  subresources: ["status"],
  validateCreate: validateResourceClaimCreate,
  validateUpdate: validateResourceClaimUpdate,
  validateStatusUpdate: validateResourceClaimStatusUpdate,
  strategy: {
    prepareForStatusUpdate: (claim, old) => withoutDeallocated(keepMetadata(claim, old), old),
  },
  columns: [nameColumn, text("State", stateOf), ageColumn],
};

function stateOf({ metadata, status }: ResourceClaim): string {
  const deleted = metadata.deletionTimestamp !== undefined;
  if (status?.allocation === undefined) return deleted ? "deleted" : "pending";
  const reserved = (status.reservedFor?.length ?? 0) > 0;
  return [...(deleted ? ["deleted"] : []), "allocated", ...(reserved ? ["reserved"] : [])].join(",");
}
