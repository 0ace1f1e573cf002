/** ReplicaSet keeps a given number of identical pods running. @module */
import type { Kind } from "#apimachinery";
import {
  ageColumn,
  formatSelector,
  integer,
  nameColumn,
  templateColumns,
  wide,
} from "../../printing/columns.ts";
import { templateStrategy } from "../../core/v1/template-strategy.ts";
import { defaultReplicaSet } from "./defaults.ts";
import {
  validateReplicaSet,
  validateReplicaSetStatusUpdate,
  validateReplicaSetUpdate,
} from "./replicaset-validation.ts";
import type { ReplicaSet } from "./types.gen.ts";

export const ReplicaSets: Kind<ReplicaSet> = {
  group: "apps",
  version: "v1",
  kind: "ReplicaSet",
  names: { plural: "replicasets", singular: "replicaset", short: ["rs"], categories: ["all"] },
  scope: "Namespaced",
  subresources: ["status", "scale"],
  defaults: defaultReplicaSet,
  validate: validateReplicaSet,
  validateUpdate: validateReplicaSetUpdate,
  validateStatusUpdate: validateReplicaSetStatusUpdate,
  strategy: templateStrategy<ReplicaSet>({
    path: "spec.template",
    of: (object) => object.spec?.template,
    into: (object, template) => ({ ...object, spec: { ...object.spec!, template } }),
    warnsOfName: true,
  }),
  selectableFields: { "status.replicas": (rs) => String(rs.status?.replicas ?? 0) },
  columns: [
    nameColumn,
    integer("Desired", (rs) => rs.spec?.replicas ?? 0),
    integer("Current", (rs) => rs.status?.replicas ?? 0),
    integer("Ready", (rs) => rs.status?.readyReplicas ?? 0),
    ageColumn,
    ...templateColumns<ReplicaSet>((rs) => rs.spec?.template?.spec?.containers),
    wide("Selector", (rs) => formatSelector(rs.spec?.selector)),
  ],
};
