/** Rules for HorizontalPodAutoscalers. @module */
import {
  field,
  isDns1123Label,
  isPathSegmentName,
  parseQuantity,
  signOf,
  validateLabelSelector,
} from "#apimachinery";
import { each, NONE, oneOf, requiredName, type Causes } from "../../validation/common.ts";
import { validateContainerResourceName } from "../../validation/resources.ts";
import type {
  CrossVersionObjectReference,
  HorizontalPodAutoscaler,
  HPAScalingRules,
  MetricIdentifier,
  MetricSpec,
  MetricTarget,
} from "./types.gen.ts";

const PERIOD_SECONDS_MAX = 1800;
const WINDOW_SECONDS_MAX = 3600;
const SOURCES = ["object", "external", "pods", "resource", "containerResource"] as const;
const TYPES: readonly string[] = ["ContainerResource", "External", "Object", "Pods", "Resource"];

export function validateHorizontalPodAutoscaler({ spec }: HorizontalPodAutoscaler): Causes {
  const { minReplicas, maxReplicas, metrics, behavior } = spec;
  const maxPath = "spec.maxReplicas";
  return [
    ...(minReplicas !== undefined && minReplicas < 1
      ? [field.invalid("spec.minReplicas", minReplicas, "must be greater than or equal to 1")]
      : NONE),
    ...(maxReplicas === 0 ? [field.required(maxPath, "must be set and greater than 0")] : NONE),
    ...(maxReplicas < 0 ? [field.invalid(maxPath, maxReplicas, "must be greater than or equal to 1")] : NONE),
    ...(minReplicas !== undefined && maxReplicas < minReplicas
      ? [field.invalid(maxPath, maxReplicas, "must be greater than or equal to `minReplicas`")]
      : NONE),
    ...validateReference(spec.scaleTargetRef, "spec.scaleTargetRef"),
    ...each(metrics, "spec.metrics", validateMetric),
    ...validateRules(behavior?.scaleUp, "spec.behavior.scaleUp"),
    ...validateRules(behavior?.scaleDown, "spec.behavior.scaleDown"),
  ];
}

function validateReference(
  { kind, name, apiVersion = "" }: CrossVersionObjectReference,
  path: string,
): Causes {
  const message = `unexpected GroupVersion string: ${apiVersion}`;
  return [
    ...requiredName(isPathSegmentName, kind, field.child(path, "kind")),
    ...requiredName(isPathSegmentName, name, field.child(path, "name")),
    ...(apiVersion.split("/").length > 2
      ? [field.invalid(field.child(path, "apiVersion"), apiVersion, message)]
      : NONE),
  ];
}

function validateRules(rules: HPAScalingRules | undefined, path: string): Causes {
  if (rules === undefined) return NONE;
  const { stabilizationWindowSeconds: window, selectPolicy, policies = [] } = rules;
  const windowPath = field.child(path, "stabilizationWindowSeconds");
  return [
    ...(window !== undefined && window < 0
      ? [field.invalid(windowPath, window, "must be greater than or equal to zero")]
      : NONE),
    ...(window !== undefined && window > WINDOW_SECONDS_MAX
      ? [field.invalid(windowPath, window, `must be less than or equal to ${WINDOW_SECONDS_MAX}`)]
      : NONE),
    ...oneOf(selectPolicy, ["Disabled", "Max", "Min"], field.child(path, "selectPolicy")),
    ...(policies.length === 0
      ? [field.required(field.child(path, "policies"), "must specify at least one Policy")]
      : NONE),
    ...each(policies, field.child(path, "policies"), ({ type, value, periodSeconds }, at) => [
      ...oneOf(type, ["Percent", "Pods"], field.child(at, "type")),
      ...(value <= 0 ? [field.invalid(field.child(at, "value"), value, "must be greater than zero")] : NONE),
      ...validatePeriod(periodSeconds, field.child(at, "periodSeconds")),
    ]),
  ];
}

function validatePeriod(seconds: number, path: string): Causes {
  if (seconds <= 0) return [field.invalid(path, seconds, "must be greater than zero")];
  if (seconds <= PERIOD_SECONDS_MAX) return NONE;
  return [field.invalid(path, seconds, `must be less than or equal to ${PERIOD_SECONDS_MAX}`)];
}

function validateMetric(metric: MetricSpec, path: string): Causes {
  const present = SOURCES.filter((name) => metric[name] !== undefined);
  const expected = SOURCES.find((name) => name.toLowerCase() === metric.type.toLowerCase());
  const typePath = field.child(path, "type");
  const [first] = present;
  return [
    ...(metric.type === "" ? [field.required(typePath, "must specify a metric source type")] : NONE),
    ...oneOf(metric.type, TYPES, typePath),
    ...(first === undefined ? NONE : validateSource(metric, first, field.child(path, first))),
    ...(expected !== undefined && metric[expected] === undefined
      ? [field.required(field.child(path, expected), "must populate information for the given metric source")]
      : NONE),
    ...(present.length === 1
      ? NONE
      : present
          .filter((name) => name !== expected)
          .map((name) =>
            field.forbidden(field.child(path, name), "must populate the given metric source only"),
          )),
  ];
}

function validateSource(metric: MetricSpec, name: (typeof SOURCES)[number], path: string): Causes {
  const average = field.child(path, "target", "averageValue");
  switch (name) {
    case "object": {
      const { describedObject, metric: id, target } = metric.object!;
      const hasTarget = target.value !== undefined || target.averageValue !== undefined;
      return [
        ...validateReference(describedObject, field.child(path, "describedObject")),
        ...validateIdentifier(id, path),
        ...validateTarget(target, path),
        ...(hasTarget ? NONE : [field.required(average, "must set either a target value or averageValue")]),
      ];
    }
    case "external": {
      const { metric: id, target } = metric.external!;
      const [value, perPod] = [target.value !== undefined, target.averageValue !== undefined];
      const both = "may not set both a target value for metric and a per-pod target";
      return [
        ...validateIdentifier(id, path),
        ...validateTarget(target, path),
        ...(!value && !perPod
          ? [field.required(average, "must set either a target value for metric or a per-pod target")]
          : NONE),
        ...(value && perPod ? [field.forbidden(field.child(path, "target", "value"), both)] : NONE),
      ];
    }
    case "pods": {
      const { metric: id, target } = metric.pods!;
      return [
        ...validateIdentifier(id, path),
        ...validateTarget(target, path),
        ...(target.averageValue === undefined
          ? [field.required(average, "must specify a positive target averageValue")]
          : NONE),
      ];
    }
    case "resource":
      return validateResource(metric.resource!, path);
    case "containerResource":
      break;
  }
  return [
    ...validateResource(metric.containerResource!, path),
    ...requiredName(isDns1123Label, metric.containerResource!.container, field.child(path, "container")),
  ];
}

function validateResource(
  { name, target }: { readonly name: string; readonly target: MetricTarget },
  path: string,
): Causes {
  const namePath = field.child(path, "name");
  const [utilization, average] = [target.averageUtilization, target.averageValue];
  const at = (child: string): string => field.child(path, "target", child);
  const both = "may not set both a target raw value and a target utilization";
  return [
    ...(name === ""
      ? [field.required(namePath, "must specify a resource name")]
      : validateContainerResourceName(name, namePath)),
    ...validateTarget(target, path),
    ...(utilization === undefined && average === undefined
      ? [
          field.required(
            at("averageUtilization"),
            "must set either a target raw value or a target utilization",
          ),
        ]
      : NONE),
    ...(utilization !== undefined && average !== undefined
      ? [field.forbidden(at("averageValue"), both)]
      : NONE),
  ];
}

function validateIdentifier({ name, selector }: MetricIdentifier, path: string): Causes {
  return [
    ...requiredName(isPathSegmentName, name, field.child(path, "metric", "name")),
    ...validateLabelSelector(selector, field.child(path, "metric", "selector")),
  ];
}

function validateTarget(target: MetricTarget, path: string): Causes {
  const at = (name: string): string => field.child(path, "target", name);
  const positive = (name: "value" | "averageValue"): Causes => {
    const value = target[name];
    if (value === undefined || signOf(parseQuantity(value)) > 0) return NONE;
    return [field.invalid(at(name), value, "must be positive")];
  };
  const { averageUtilization: utilization } = target;
  return [
    ...(target.type === "" ? [field.required(at("type"), "must specify a metric target type")] : NONE),
    ...oneOf(target.type, ["AverageValue", "Utilization", "Value"], at("type")),
    ...positive("value"),
    ...positive("averageValue"),
    ...(utilization !== undefined && utilization < 1
      ? [field.invalid(at("averageUtilization"), utilization, "must be greater than 0")]
      : NONE),
  ];
}
