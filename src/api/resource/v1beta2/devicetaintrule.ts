/** DeviceTaintRule taints devices of any driver, as if the driver had; the version that is stored. @module */
import type { Kind } from "#apimachinery";
import type { UnservedKind } from "../../beta-kinds.ts";
import { keepMetadata } from "../../meta/v1/status-metadata.ts";
import { ageColumn, nameColumn, text } from "../../printing/columns.ts";
import { since } from "../../printing/human-duration.ts";
import {
  validateDeviceTaintRule,
  validateDeviceTaintRuleStatusUpdate,
} from "./devicetaintrule-validation.ts";
import type { DeviceTaintRule } from "./types.gen.ts";

export const DeviceTaintRules: Kind<DeviceTaintRule> & Pick<UnservedKind, "servedByDefault"> = {
  group: "resource.k8s.io",
  version: "v1beta2",
  kind: "DeviceTaintRule",
  names: { plural: "devicetaintrules", singular: "devicetaintrule" },
  scope: "Cluster",
  subresources: ["status"],
  servedByDefault: false,
  validate: validateDeviceTaintRule,
  validateStatusUpdate: validateDeviceTaintRuleStatusUpdate,
  strategy: {
    prepareForCreate: withTaintTime,
    prepareForStatusUpdate: keepMetadata,
  },
  columns: [
    nameColumn,
    text("Key", ({ spec }) => spec.taint.key),
    text("Value", ({ spec }) => spec.taint.value ?? ""),
    text("Effect", ({ spec }) => spec.taint.effect),
    {
      name: "TimeAdded",
      type: "string",
      value: ({ spec: { taint } }, nowMs) =>
        taint.timeAdded === undefined ? "" : since(taint.timeAdded, nowMs),
    },
    ageColumn,
  ],
};

/** A taint without a time is as old as its rule. When the effect changes later, the API server says when. */
function withTaintTime(rule: DeviceTaintRule): DeviceTaintRule {
  const { creationTimestamp: timeAdded } = rule.metadata;
  const { taint } = rule.spec;
  if (taint.timeAdded !== undefined || timeAdded === undefined) return rule;
  return { ...rule, spec: { ...rule.spec, taint: { ...taint, timeAdded } } };
}
