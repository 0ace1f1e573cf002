/** Service gives a set of pods one stable address. @module */
import type { Kind } from "#apimachinery";
import { ageColumn, formatLabels, nameColumn, text, wide } from "../../printing/columns.ts";
import { clusterIp, externalIp, ports } from "./service-columns.ts";
import { defaultService } from "./service-defaults.ts";
import { serviceStrategy } from "./service-strategy.ts";
import { validateServiceStatusUpdate } from "./service-update-validation.ts";
import { validateService } from "./service-validation.ts";
import type { Service } from "./types.gen.ts";

export const Services: Kind<Service> = {
  group: "",
  version: "v1",
  kind: "Service",
  names: { plural: "services", singular: "service", short: ["svc"], categories: ["all"] },
  scope: "Namespaced",
  subresources: ["status", "proxy"],
  nameRule: "dns-label",
  defaults: defaultService,
  validate: validateService,
  validateStatusUpdate: validateServiceStatusUpdate,
  strategy: serviceStrategy,
  selectableFields: {
    "spec.clusterIP": (service) => service.spec?.clusterIP ?? "",
    "spec.type": (service) => service.spec?.type ?? "",
  },
  columns: [
    nameColumn,
    text("Type", (service) => service.spec?.type ?? ""),
    text("Cluster-IP", clusterIp),
    text("External-IP", externalIp),
    text("Port(s)", ports),
    ageColumn,
    wide("Selector", (service) => formatLabels(service.spec?.selector)),
  ],
};
