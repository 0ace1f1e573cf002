/** ServiceCIDR is a range that cluster IPs are taken from. @module */
import type { Kind } from "#apimachinery";
import { keepMetadata } from "../../meta/v1/status-metadata.ts";
import { ageColumn, nameColumn, text } from "../../printing/columns.ts";
import { validateServiceCIDR, validateServiceCIDRUpdate } from "./servicecidr-validation.ts";
import type { ServiceCIDR } from "./types.gen.ts";

export const ServiceCIDRs: Kind<ServiceCIDR> = {
  group: "networking.k8s.io",
  version: "v1",
  kind: "ServiceCIDR",
  names: { plural: "servicecidrs", singular: "servicecidr" },
  scope: "Cluster",
  subresources: ["status"],
  // An update that adds no range is not judged again.
  validateCreate: validateServiceCIDR,
  validateUpdate: validateServiceCIDRUpdate,
  strategy: { prepareForStatusUpdate: keepMetadata },
  columns: [nameColumn, text("CIDRs", (sc) => (sc.spec?.cidrs ?? []).join(",")), ageColumn],
};
