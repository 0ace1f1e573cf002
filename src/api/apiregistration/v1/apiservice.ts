/** APIService says who serves a group-version: this server, or one behind a service. @module */
import type { Kind } from "#apimachinery";
import { keepMetadata } from "../../meta/v1/status-metadata.ts";
import { ageColumn, nameColumn, text } from "../../printing/columns.ts";
import type { APIService } from "./types.gen.ts";
import { validateAPIService, validateAPIServiceStatusUpdate } from "./validation.ts";

export const APIServices: Kind<APIService> = {
  group: "apiregistration.k8s.io",
  version: "v1",
  kind: "APIService",
  names: { plural: "apiservices", singular: "apiservice", categories: ["api-extensions"] },
  scope: "Cluster",
  subresources: ["status"],
  // The name is `version.group`, which ends with a dot for the core group.
  nameRule: "path-segment",
  validate: validateAPIService,
  validateStatusUpdate: validateAPIServiceStatusUpdate,
  strategy: { allowUnconditionalUpdate: false, prepareForStatusUpdate: keepMetadata },
  columns: [
    nameColumn,
    text("Service", ({ spec }) =>
      spec?.service === undefined ? "Local" : `${spec.service.namespace ?? ""}/${spec.service.name ?? ""}`,
    ),
    text("Available", available),
    ageColumn,
  ],
};

function available({ status }: APIService): string {
  const condition = status?.conditions?.find((c) => c.type === "Available");
  if (condition === undefined) return "Unknown";
  if (condition.status === "True") return "True";
  return `${condition.status} (${condition.reason ?? ""})`;
}
