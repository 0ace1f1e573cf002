/** HorizontalPodAutoscaler changes the number of replicas with the load. The stored form. @module */
import type { Kind } from "#apimachinery";
import { hpaColumns } from "./columns.ts";
import { defaultHorizontalPodAutoscaler } from "./defaults.ts";
import type { HorizontalPodAutoscaler } from "./types.gen.ts";
import {
  validateHorizontalPodAutoscaler,
  validateHorizontalPodAutoscalerStatusUpdate,
} from "./validation.ts";

export const HorizontalPodAutoscalers: Kind<HorizontalPodAutoscaler> = {
  group: "autoscaling",
  version: "v2",
  kind: "HorizontalPodAutoscaler",
  names: {
    plural: "horizontalpodautoscalers",
    singular: "horizontalpodautoscaler",
    short: ["hpa"],
    categories: ["all"],
  },
  scope: "Namespaced",
  subresources: ["status"],
  defaults: defaultHorizontalPodAutoscaler,
  validate: validateHorizontalPodAutoscaler,
  validateStatusUpdate: validateHorizontalPodAutoscalerStatusUpdate,
  columns: hpaColumns,
};
