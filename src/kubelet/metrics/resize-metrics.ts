/** What is counted and timed of pods whose resources change while they run. @module */
import type { Counter, Histogram } from "#component-base";
import type { Pod } from "#api/core/v1/types.gen";
import { amountOf } from "../container/resources.ts";
import { containersOf, initContainersOf, isRestartableInit } from "../container/pod-spec.ts";
import type { MetricFactory } from "./metric-factory.ts";

const BUCKETS_MS = [
  10, 50, 100, 500, 1000, 2000, 5000, 10_000, 20_000, 30_000, 60_000, 120_000, 300_000, 600_000,
];
const RESOURCES = ["memory", "cpu"] as const;
const REQUIREMENTS = ["requests", "limits"] as const;

export class ResizeMetrics {
  readonly milliseconds: Histogram;
  readonly deferredAccepted: Counter;
  readonly #requested: Counter;

  constructor(make: MetricFactory) {
    this.#requested = make.counter(
      "kubelet_container_requested_resizes_total",
      "Resizes that were asked for, by resource and container",
      "resource",
      "requirement",
      "operation",
    );
    this.milliseconds = make.histogram(
      "kubelet_pod_resize_duration_milliseconds",
      BUCKETS_MS,
      "How long it took to give a pod's containers their new resources",
      "success",
    );
    this.deferredAccepted = make.counter(
      "kubelet_pod_deferred_accepted_resizes_total",
      "Resizes that had to wait before they were granted",
      "retry_trigger",
    );
  }

  /** The API shows the pod with other resources. */
  requested(before: Pod, after: Pod): void {
    for (const labels of requestedResizes(before, after)) this.#requested.inc({ ...labels });
  }
}

interface ResizeLabels {
  readonly resource: (typeof RESOURCES)[number];
  readonly requirement: (typeof REQUIREMENTS)[number];
  readonly operation: "add" | "remove" | "increase" | "decrease";
}

export function requestedResizes(before: Pod, after: Pod): readonly ResizeLabels[] {
  const next = new Map(resizable(after).map((container) => [container.name, container]));
  return resizable(before).flatMap(({ name, resources }) => {
    const wanted = next.get(name)?.resources;
    return RESOURCES.flatMap((resource) =>
      REQUIREMENTS.flatMap((requirement) => {
        const was = amountOf(resources?.[requirement], resource) ?? 0;
        const is = amountOf(wanted?.[requirement], resource) ?? 0;
        return was === is ? [] : { resource, requirement, operation: operationOf(was, is) };
      }),
    );
  });
}

function operationOf(was: number, is: number): ResizeLabels["operation"] {
  if (was === 0) return "add";
  if (is === 0) return "remove";
  return is > was ? "increase" : "decrease";
}

function resizable(pod: Pod): ReturnType<typeof containersOf> {
  return [...initContainersOf(pod).filter(isRestartableInit), ...containersOf(pod)];
}
