/** Counts probes for `/metrics/probes`, with upstream's names. @module */
import type { Counter, Histogram, Registry } from "#component-base";
import type { Pod } from "#api/core/v1/types.gen";
import { containersOf, initContainersOf, uidOf } from "../container/pod-spec.ts";
import { DEFAULT_BUCKETS, MetricFactory } from "../metrics/metric-factory.ts";
import type { ProbeResult, ProbeType } from "./probe-worker.ts";

const TOTAL_LABELS = ["probe_type", "result", "container", "pod", "namespace", "pod_uid"];
const DURATION_LABELS = ["probe_type", "container", "pod", "namespace"];
const TYPES: readonly ProbeType[] = ["Liveness", "Readiness", "Startup"];
const RESULTS: readonly ProbeResult[] = ["successful", "failed", "unknown"];

export class ProbeMetrics {
  readonly #make = new MetricFactory();
  readonly registry: Registry = this.#make.registry;
  readonly #total: Counter = this.#make.counter(
    "prober_probe_total",
    "[BETA] Probes of containers, by type and result",
    ...TOTAL_LABELS,
  );
  readonly #seconds: Histogram = this.#make.histogram(
    "prober_probe_duration_seconds",
    DEFAULT_BUCKETS,
    "How long probes took that succeeded, or that could not be made",
    ...DURATION_LABELS,
  );

  probed(pod: Pod, container: string, probe_type: ProbeType, result: ProbeResult, seconds: number): void {
    const { pod_uid, ...named } = labelsOf(pod);
    this.#total.inc({ ...named, pod_uid, container, probe_type, result });
    if (result !== "failed") this.#seconds.observe({ ...named, container, probe_type }, seconds);
  }

  /** A pod that is gone is not shown for ever. */
  forget(pod: Pod): void {
    const { pod_uid, ...named } = labelsOf(pod);
    for (const { name: container } of [...initContainersOf(pod), ...containersOf(pod)])
      for (const probe_type of TYPES) {
        const of = { ...named, container, probe_type };
        this.#seconds.remove(of);
        for (const result of RESULTS) this.#total.remove({ ...of, pod_uid, result });
      }
  }
}

function labelsOf(pod: Pod): { readonly pod: string; readonly namespace: string; readonly pod_uid: string } {
  const { name, namespace = "" } = pod.metadata;
  return { pod: name, namespace, pod_uid: uidOf(pod) };
}
