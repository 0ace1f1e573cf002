/** DaemonSet runs one pod on every node that fits. @module */
import type { Kind } from "#apimachinery";
import {
  ageColumn,
  formatLabels,
  formatSelector,
  integer,
  nameColumn,
  templateColumns,
  text,
  wide,
} from "../../printing/columns.ts";
import { templateStrategy } from "../../core/v1/template-strategy.ts";
import { defaultDaemonSet } from "./defaults.ts";
import { validateDaemonSet, validateDaemonSetStatusUpdate } from "./daemonset-validation.ts";
import type { DaemonSet } from "./types.gen.ts";

export const DaemonSets: Kind<DaemonSet> = {
  group: "apps",
  version: "v1",
  kind: "DaemonSet",
  names: { plural: "daemonsets", singular: "daemonset", short: ["ds"], categories: ["all"] },
  scope: "Namespaced",
  subresources: ["status"],
  defaults: defaultDaemonSet,
  validate: validateDaemonSet,
  validateStatusUpdate: validateDaemonSetStatusUpdate,
  strategy: templateStrategy<DaemonSet>({
    path: "spec.template",
    of: (object) => object.spec?.template,
    into: (object, template) => ({ ...object, spec: { ...object.spec!, template } }),
  }),
  columns: [
    nameColumn,
    integer("Desired", (ds) => ds.status?.desiredNumberScheduled ?? 0),
    integer("Current", (ds) => ds.status?.currentNumberScheduled ?? 0),
    integer("Ready", (ds) => ds.status?.numberReady ?? 0),
    integer("Up-to-date", (ds) => ds.status?.updatedNumberScheduled ?? 0),
    integer("Available", (ds) => ds.status?.numberAvailable ?? 0),
    text("Node Selector", (ds) => formatLabels(ds.spec?.template.spec?.nodeSelector)),
    ageColumn,
    ...templateColumns<DaemonSet>((ds) => ds.spec?.template.spec?.containers),
    wide("Selector", (ds) => formatSelector(ds.spec?.selector)),
  ],
};
