/** Metrics as autoscaling/v1 writes them into annotations, to and from their v2 form. @module */
import type * as v2 from "../v2/types.gen.ts";
import type { LabelSelector } from "../../meta/v1/types.gen.ts";

/** One shape for the spec and the status of all types; which fields are used depends on `type`. */
export interface LegacySource {
  readonly metricName?: string;
  readonly name?: string;
  readonly container?: string;
  readonly target?: v2.CrossVersionObjectReference;
  readonly selector?: LabelSelector;
  readonly metricSelector?: LabelSelector;
  readonly averageValue?: string;
  readonly targetValue?: string;
  readonly targetAverageValue?: string;
  readonly targetAverageUtilization?: number;
  readonly currentValue?: string;
  readonly currentAverageValue?: string;
  readonly currentAverageUtilization?: number;
}

export interface LegacyMetric {
  readonly type: string;
  readonly object?: LegacySource;
  readonly pods?: LegacySource;
  readonly resource?: LegacySource;
  readonly containerResource?: LegacySource;
  readonly external?: LegacySource;
}

/** Drops the keys without a value, as omitempty does. */
function compact<T extends object>(object: { readonly [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as T;
}

export function specToLegacy(metric: v2.MetricSpec): LegacyMetric {
  const { object, pods, resource, containerResource, external } = metric;
  return compact<LegacyMetric>({
    type: metric.type,
    object:
      object &&
      compact<LegacySource>({
        target: object.describedObject,
        metricName: object.metric.name,
        targetValue: object.target.value ?? "0",
        selector: object.metric.selector,
        averageValue: object.target.averageValue,
      }),
    pods:
      pods &&
      compact<LegacySource>({
        metricName: pods.metric.name,
        targetAverageValue: pods.target.averageValue ?? "0",
        selector: pods.metric.selector,
      }),
    resource: resource && compact<LegacySource>({ name: resource.name, ...legacyTarget(resource.target) }),
    containerResource:
      containerResource &&
      compact<LegacySource>({
        name: containerResource.name,
        ...legacyTarget(containerResource.target),
        container: containerResource.container,
      }),
    external:
      external &&
      compact<LegacySource>({
        metricName: external.metric.name,
        metricSelector: external.metric.selector,
        targetValue: external.target.value,
        targetAverageValue: external.target.averageValue,
      }),
  });
}

function legacyTarget(target: v2.MetricTarget): LegacySource {
  return compact<LegacySource>({
    targetAverageUtilization: target.averageUtilization,
    targetAverageValue: target.averageValue,
  });
}

export function specFromLegacy(metric: LegacyMetric): v2.MetricSpec {
  const { object, pods, resource, containerResource, external } = metric;
  return compact<v2.MetricSpec>({
    type: metric.type,
    object: object && {
      describedObject: object.target ?? { kind: "", name: "" },
      metric: identifier(object, object.selector),
      target: valueTarget(object.averageValue, nonZero(object.averageValue, object.targetValue)),
    },
    pods: pods && {
      metric: identifier(pods, pods.selector),
      target: { type: "AverageValue", averageValue: pods.targetAverageValue ?? "0" },
    },
    resource: resource && { name: resource.name ?? "", target: resourceTarget(resource) },
    containerResource: containerResource && {
      name: containerResource.name ?? "",
      container: containerResource.container ?? "",
      target: resourceTarget(containerResource),
    },
    external: external && {
      metric: identifier(external, external.metricSelector),
      target: compact<v2.MetricTarget>({
        type: external.targetValue === undefined ? "AverageValue" : "Value",
        value: external.targetValue,
        averageValue: external.targetAverageValue,
      }),
    },
  });
}

/** A zero target beside an average stands for none. */
function nonZero(average: string | undefined, value: string | undefined): string | undefined {
  return average !== undefined && (value === undefined || value === "0") ? undefined : (value ?? "0");
}

function valueTarget(averageValue: string | undefined, value: string | undefined): v2.MetricTarget {
  const type = averageValue === undefined ? "Value" : "AverageValue";
  return compact<v2.MetricTarget>({ type, value, averageValue });
}

function resourceTarget(source: LegacySource): v2.MetricTarget {
  return compact<v2.MetricTarget>({
    type: source.targetAverageUtilization === undefined ? "AverageValue" : "Utilization",
    averageValue: source.targetAverageValue,
    averageUtilization: source.targetAverageUtilization,
  });
}

function identifier(source: LegacySource, selector: LabelSelector | undefined): v2.MetricIdentifier {
  return compact<v2.MetricIdentifier>({ name: source.metricName ?? "", selector });
}

export function statusToLegacy(metric: v2.MetricStatus): LegacyMetric {
  const { object, pods, resource, containerResource, external } = metric;
  return compact<LegacyMetric>({
    type: metric.type,
    object:
      object &&
      compact<LegacySource>({
        target: object.describedObject,
        metricName: object.metric.name,
        currentValue: object.current.value ?? "0",
        selector: object.metric.selector,
        averageValue: object.current.averageValue,
      }),
    pods:
      pods &&
      compact<LegacySource>({
        metricName: pods.metric.name,
        currentAverageValue: pods.current.averageValue ?? "0",
        selector: pods.metric.selector,
      }),
    resource: resource && { name: resource.name, ...legacyCurrent(resource.current) },
    containerResource: containerResource && {
      name: containerResource.name,
      ...legacyCurrent(containerResource.current),
      container: containerResource.container,
    },
    external:
      external &&
      compact<LegacySource>({
        metricName: external.metric.name,
        metricSelector: external.metric.selector,
        currentValue: external.current.value ?? "0",
        currentAverageValue: external.current.averageValue,
      }),
  });
}

function legacyCurrent(current: v2.MetricValueStatus): LegacySource {
  return compact<LegacySource>({
    currentAverageUtilization: current.averageUtilization,
    currentAverageValue: current.averageValue ?? "0",
  });
}

export function statusFromLegacy(metric: LegacyMetric): v2.MetricStatus {
  const { object, pods, resource, containerResource, external } = metric;
  return compact<v2.MetricStatus>({
    type: metric.type,
    object: object && {
      describedObject: object.target ?? { kind: "", name: "" },
      metric: identifier(object, object.selector),
      current: compact<v2.MetricValueStatus>({
        value: object.currentValue ?? "0",
        averageValue: object.averageValue,
      }),
    },
    pods: pods && {
      metric: identifier(pods, pods.selector),
      current: { averageValue: pods.currentAverageValue ?? "0" },
    },
    resource: resource && { name: resource.name ?? "", current: currentFromLegacy(resource) },
    containerResource: containerResource && {
      name: containerResource.name ?? "",
      container: containerResource.container ?? "",
      current: currentFromLegacy(containerResource),
    },
    external: external && {
      metric: identifier(external, external.metricSelector),
      current: compact<v2.MetricValueStatus>({
        value: external.currentValue ?? "0",
        averageValue: external.currentAverageValue,
      }),
    },
  });
}

function currentFromLegacy(source: LegacySource): v2.MetricValueStatus {
  return compact<v2.MetricValueStatus>({
    averageValue: source.currentAverageValue ?? "0",
    averageUtilization: source.currentAverageUtilization,
  });
}
