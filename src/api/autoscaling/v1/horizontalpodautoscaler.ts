/** HorizontalPodAutoscaler of autoscaling/v1: a view of the v2 object with CPU alone as a field. @module */
import type { Column, Kind } from "#apimachinery";
import { hpaColumns } from "../v2/columns.ts";
import { validateHorizontalPodAutoscaler as validateV2 } from "../v2/validation.ts";
import { toV2 } from "./conversion.ts";
import type { HorizontalPodAutoscaler } from "./types.gen.ts";

export const HorizontalPodAutoscalers: Kind<HorizontalPodAutoscaler> = {
  group: "autoscaling",
  version: "v1",
  kind: "HorizontalPodAutoscaler",
  names: {
    plural: "horizontalpodautoscalers",
    singular: "horizontalpodautoscaler",
    short: ["hpa"],
    categories: ["all"],
  },
  scope: "Namespaced",
  subresources: ["status"],
  defaults: (hpa) =>
    hpa.spec === undefined || hpa.spec.minReplicas !== undefined
      ? hpa
      : { ...hpa, spec: { ...hpa.spec, minReplicas: 1 } },
  validate: (hpa, old) => validateV2(toV2(hpa), old === undefined ? undefined : toV2(old)),
  columns: hpaColumns.map((column): Column<HorizontalPodAutoscaler> => ({
    ...column,
    value: (hpa, nowMs) => column.value(toV2(hpa), nowMs),
  })),
};
