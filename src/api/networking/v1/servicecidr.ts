/** ServiceCIDR is a range that cluster IPs are taken from. @module */
import type { Kind } from "#apimachinery";
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
  validate: validateServiceCIDR,
  validateUpdate: validateServiceCIDRUpdate,
  columns: [nameColumn, text("CIDRs", (sc) => (sc.spec?.cidrs ?? []).join(",")), ageColumn],
};
