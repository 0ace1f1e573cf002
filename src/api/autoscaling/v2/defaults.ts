/** Defaults of HorizontalPodAutoscaler: 80 % CPU, and how fast to scale. @module */
import type { HorizontalPodAutoscaler, HPAScalingRules, MetricSpec } from "./types.gen.ts";

const CPU_METRIC: MetricSpec = {
  type: "Resource",
  resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 80 } },
};
/** Doubles the pods or adds four, whichever is more, every 15 seconds. */
const SCALE_UP: HPAScalingRules = {
  stabilizationWindowSeconds: 0,
  selectPolicy: "Max",
  policies: [
    { type: "Pods", value: 4, periodSeconds: 15 },
    { type: "Percent", value: 100, periodSeconds: 15 },
  ],
};
const SCALE_DOWN: HPAScalingRules = {
  selectPolicy: "Max",
  policies: [{ type: "Percent", value: 100, periodSeconds: 15 }],
};

export function defaultHorizontalPodAutoscaler(hpa: HorizontalPodAutoscaler): HorizontalPodAutoscaler {
  const { spec } = hpa;
  if (spec === undefined) return hpa;
  const { behavior } = spec;
  return {
    ...hpa,
    spec: {
      ...spec,
      minReplicas: spec.minReplicas ?? 1,
      metrics: spec.metrics !== undefined && spec.metrics.length > 0 ? spec.metrics : [CPU_METRIC],
      ...(behavior !== undefined && {
        behavior: {
          scaleUp: { ...SCALE_UP, ...behavior.scaleUp },
          scaleDown: { ...SCALE_DOWN, ...behavior.scaleDown },
        },
      }),
    },
  };
}
