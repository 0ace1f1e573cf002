/** ReplicationController keeps a given number of identical pods running; ReplicaSet is its successor. @module */
import type { Kind } from "#apimachinery";
import {
  ageColumn,
  formatLabels,
  integer,
  nameColumn,
  templateColumns,
  wide,
} from "../../printing/columns.ts";
import {
  validateReplicationController,
  validateReplicationControllerStatusUpdate,
} from "./replicationcontroller-validation.ts";
import { templateStrategy } from "./template-strategy.ts";
import type { ReplicationController } from "./types.gen.ts";

export const ReplicationControllers: Kind<ReplicationController> = {
  group: "",
  version: "v1",
  kind: "ReplicationController",
  names: {
    plural: "replicationcontrollers",
    singular: "replicationcontroller",
    short: ["rc"],
    categories: ["all"],
  },
  scope: "Namespaced",
  subresources: ["status", "scale"],
  defaults: defaultReplicationController,
  validate: validateReplicationController,
  validateStatusUpdate: validateReplicationControllerStatusUpdate,
  strategy: templateStrategy<ReplicationController>({
    path: "spec.template",
    of: (rc) => rc.spec?.template,
    into: (rc, template) => ({ ...rc, spec: { ...rc.spec, template } }),
    warnsOfName: true,
  }),
  selectableFields: { "status.replicas": (rc) => String(rc.status?.replicas ?? 0) },
  columns: [
    nameColumn,
    integer("Desired", (rc) => rc.spec?.replicas ?? 0),
    integer("Current", (rc) => rc.status?.replicas ?? 0),
    integer("Ready", (rc) => rc.status?.readyReplicas ?? 0),
    ageColumn,
    ...templateColumns<ReplicationController>((rc) => rc.spec?.template?.spec?.containers),
    wide("Selector", (rc) => formatLabels(rc.spec?.selector)),
  ],
};

/** Selector and labels are those of the template unless they are given. */
function defaultReplicationController(rc: ReplicationController): ReplicationController {
  const labels = rc.spec?.template?.metadata?.labels;
  if (labels === undefined) return rc;
  const needsSelector = isEmpty(rc.spec?.selector);
  const needsLabels = isEmpty(rc.metadata.labels);
  if (!needsSelector && !needsLabels) return rc;
  return {
    ...rc,
    metadata: needsLabels ? { ...rc.metadata, labels } : rc.metadata,
    spec: needsSelector ? { ...rc.spec, selector: labels } : rc.spec!,
  };
}

const isEmpty = (map: object | undefined): boolean => Object.keys(map ?? {}).length === 0;
