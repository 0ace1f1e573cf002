/** Rules for HorizontalPodAutoscalers. @module */
import {
  canonicalQuantity,
  field,
  isDns1123Label,
  isPathSegmentName,
  parseQuantity,
  signOf,
} from "#apimachinery";
import { each, NONE, nonNegative, obeys, oneOf, requiredName, type Causes } from "../../validation/common.ts";
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

export function validateHorizontalPodAutoscaler(
  { spec }: HorizontalPodAutoscaler,
  old?: HorizontalPodAutoscaler,
): Causes {
  const { minReplicas, maxReplicas, metrics, behavior, scaleTargetRef: target } = spec;
  const maxPath = "spec.maxReplicas";
  // Zero is behind HPAScaleToZero, which is off by default.
  const min = old?.spec.minReplicas === 0 ? 0 : 1;
  return [
    ...(minReplicas !== undefined && minReplicas < min
      ? [field.invalid("spec.minReplicas", minReplicas, `must be greater than or equal to ${min}`)]
      : NONE),
    ...(maxReplicas === 0 ? [field.required(maxPath, "must be set and greater than 0")] : NONE),
    ...(maxReplicas < 0 ? [field.invalid(maxPath, maxReplicas, "must be greater than or equal to 1")] : NONE),
    ...(minReplicas !== undefined && maxReplicas < minReplicas
      ? [field.invalid(maxPath, maxReplicas, "must be greater than or equal to `minReplicas`")]
      : NONE),
    ...validateReference(target, "spec.scaleTargetRef", {
      anyVersion: old !== undefined && sameTarget(target, old.spec.scaleTargetRef),
      mayBeCore: target.kind === "ReplicationController",
    }),
    ...each(metrics, "spec.metrics", (metric, at) => validateMetric(metric, at, objectRules(old))),
    ...validateZero(spec),
    ...validateRules(behavior?.scaleUp, "spec.behavior.scaleUp"),
    ...validateRules(behavior?.scaleDown, "spec.behavior.scaleDown"),
  ];
}

/** Without a pod there is no load of pods to measure. */
function validateZero({ minReplicas, metrics = [] }: HorizontalPodAutoscaler["spec"]): Causes {
  const isElsewhere = metrics.some(({ type }) => type === "Object" || type === "External");
  if (minReplicas !== 0 || isElsewhere) return NONE;
  const message = "must specify at least one Object or External metric to support scaling to zero replicas";
  return [field.forbidden("spec.metrics", message)];
}

export function validateHorizontalPodAutoscalerStatusUpdate({ status }: HorizontalPodAutoscaler): Causes {
  return [
    ...nonNegative(status?.currentReplicas, "status.currentReplicas"),
    ...nonNegative(status?.desiredReplicas, "status.desiredReplicas"),
  ];
}

interface ReferenceRules {
  /** The stored one has it already. */
  readonly anyVersion: boolean;
  readonly mayBeCore: boolean;
}

const sameTarget = (a: CrossVersionObjectReference, b: CrossVersionObjectReference): boolean =>
  a.kind === b.kind && (a.apiVersion ?? "") === (b.apiVersion ?? "");

function objectRules(old: HorizontalPodAutoscaler | undefined): ReferenceRules {
  const strict = { anyVersion: false, mayBeCore: true };
  const anyVersion = (old?.spec.metrics ?? []).some(
    ({ type, object }) =>
      type === "Object" &&
      object !== undefined &&
      versionProblem(object.describedObject, strict) !== undefined,
  );
  return { ...strict, anyVersion };
}

function validateReference(ref: CrossVersionObjectReference, path: string, rules: ReferenceRules): Causes {
  const problem = versionProblem(ref, rules);
  return [
    ...requiredName(isPathSegmentName, ref.kind, field.child(path, "kind")),
    ...requiredName(isPathSegmentName, ref.name, field.child(path, "name")),
    ...(problem === undefined
      ? NONE
      : [field.invalid(field.child(path, "apiVersion"), ref.apiVersion ?? "", problem)]),
  ];
}

function versionProblem(
  { apiVersion = "" }: CrossVersionObjectReference,
  { anyVersion, mayBeCore }: ReferenceRules,
): string | undefined {
  if (anyVersion) return undefined;
  const parts = apiVersion.split("/");
  if (parts.length > 2) return `unexpected GroupVersion string: ${apiVersion}`;
  const group = parts.length === 2 ? parts[0] : "";
  return group === "" && !mayBeCore ? "apiVersion must specify API group" : undefined;
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
    ...(rules.tolerance !== undefined && signOf(parseQuantity(rules.tolerance)) < 0
      ? [
          field.invalid(
            field.child(path, "tolerance"),
            canonicalQuantity(rules.tolerance),
            "must be greater than or equal to 0",
          ),
        ]
      : NONE),
  ];
}

function validatePeriod(seconds: number, path: string): Causes {
  if (seconds <= 0) return [field.invalid(path, seconds, "must be greater than zero")];
  if (seconds <= PERIOD_SECONDS_MAX) return NONE;
  return [field.invalid(path, seconds, `must be less than or equal to ${PERIOD_SECONDS_MAX}`)];
}

function validateMetric(metric: MetricSpec, path: string, rules: ReferenceRules): Causes {
  const present = SOURCES.filter((name) => metric[name] !== undefined);
  const expected = SOURCES.find((name) => typeOf(name) === metric.type);
  const typePath = field.child(path, "type");
  const [first] = present;
  return [
    ...(metric.type === "" ? [field.required(typePath, "must specify a metric source type")] : NONE),
    ...oneOf(metric.type, TYPES, typePath),
    ...(first === undefined ? NONE : validateSource(metric, first, field.child(path, first), rules)),
    ...(expected === undefined ? oneOf(metric.type, TYPES, typePath) : NONE),
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

const typeOf = (source: string): string => `${source[0]!.toUpperCase()}${source.slice(1)}`;

function validateSource(
  metric: MetricSpec,
  name: (typeof SOURCES)[number],
  path: string,
  rules: ReferenceRules,
): Causes {
  const average = field.child(path, "target", "averageValue");
  switch (name) {
    case "object": {
      const { describedObject, metric: id, target } = metric.object!;
      const hasTarget = target.value !== undefined || target.averageValue !== undefined;
      return [
        ...validateReference(describedObject, field.child(path, "describedObject"), rules),
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
    case "resource": {
      const { name: resource, target } = metric.resource!;
      return [...validateResourceName(resource, path), ...validateResourceTarget(target, path)];
    }
    case "containerResource":
      break;
  }
  const { name: resource, container, target } = metric.containerResource!;
  const containerPath = field.child(path, "container");
  return [
    ...(resource === ""
      ? validateResourceName(resource, path)
      : validateContainerResourceName(resource, field.child(path, "name"))),
    ...(container === ""
      ? [field.required(containerPath, "must specify a container")]
      : obeys(isDns1123Label, container, containerPath)),
    ...validateResourceTarget(target, path),
  ];
}

function validateResourceName(name: string, path: string): Causes {
  return name === "" ? [field.required(field.child(path, "name"), "must specify a resource name")] : NONE;
}

function validateResourceTarget(target: MetricTarget, path: string): Causes {
  const [utilization, average] = [target.averageUtilization, target.averageValue];
  const at = (child: string): string => field.child(path, "target", child);
  const both = "may not set both a target raw value and a target utilization";
  const neither = "must set either a target raw value or a target utilization";
  return [
    ...validateTarget(target, path),
    ...(utilization === undefined && average === undefined
      ? [field.required(at("averageUtilization"), neither)]
      : NONE),
    ...(utilization !== undefined && average !== undefined
      ? [field.forbidden(at("averageValue"), both)]
      : NONE),
  ];
}

function validateIdentifier({ name }: MetricIdentifier, path: string): Causes {
  const at = field.child(path, "metric", "name");
  return name === ""
    ? [field.required(at, "must specify a metric name")]
    : obeys(isPathSegmentName, name, at);
}

const TARGET_TYPES: readonly string[] = ["Utilization", "Value", "AverageValue"];

function validateTarget(target: MetricTarget, path: string): Causes {
  const at = (name: string): string => field.child(path, "target", name);
  const positive = (name: "value" | "averageValue"): Causes => {
    const value = target[name];
    if (value === undefined || signOf(parseQuantity(value)) > 0) return NONE;
    return [field.invalid(at(name), canonicalQuantity(value), "must be positive")];
  };
  const { averageUtilization: utilization } = target;
  return [
    ...(target.type === "" ? [field.required(at("type"), "must specify a metric target type")] : NONE),
    ...(TARGET_TYPES.includes(target.type)
      ? NONE
      : [field.invalid(at("type"), target.type, "must be either Utilization, Value, or AverageValue")]),
    ...positive("value"),
    ...positive("averageValue"),
    ...(utilization !== undefined && utilization < 1
      ? [field.invalid(at("averageUtilization"), utilization, "must be greater than 0")]
      : NONE),
  ];
}
