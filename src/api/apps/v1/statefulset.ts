/** StatefulSet runs pods with stable names and storage of their own. @module */
import type { Kind } from "#apimachinery";
import { ageColumn, nameColumn, templateColumns, text } from "../../printing/columns.ts";
import { defaultStatefulSet } from "./defaults.ts";
import { statefulSetStrategy } from "./statefulset-strategy.ts";
import {
  validateStatefulSet,
  validateStatefulSetStatusUpdate,
  validateStatefulSetUpdate,
} from "./statefulset-validation.ts";
import type { StatefulSet } from "./types.gen.ts";

export const StatefulSets: Kind<StatefulSet> = {
  group: "apps",
  version: "v1",
  kind: "StatefulSet",
  names: { plural: "statefulsets", singular: "statefulset", short: ["sts"], categories: ["all"] },
  scope: "Namespaced",
  subresources: ["status", "scale"],
  nameRule: "dns-label",
  defaults: defaultStatefulSet,
  validate: validateStatefulSet,
  validateUpdate: validateStatefulSetUpdate,
  validateStatusUpdate: validateStatefulSetStatusUpdate,
  strategy: statefulSetStrategy,
  columns: [
    nameColumn,
    text("Ready", (sts) => `${sts.status?.readyReplicas ?? 0}/${sts.spec?.replicas ?? 0}`),
    ageColumn,
    ...templateColumns<StatefulSet>((sts) => sts.spec?.template.spec?.containers),
  ],
};
