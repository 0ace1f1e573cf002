/** Counts probes for `/metrics/probes`, with upstream's names. @module */
import { Counter, Registry } from "#component-base";
import type { Pod } from "#api/core/v1/types.gen";
import { containersOf, initContainersOf, uidOf } from "../container/pod-spec.ts";
import type { ProbeResult, ProbeType } from "./probe-worker.ts";

const TYPES: readonly ProbeType[] = ["Liveness", "Readiness", "Startup"];
const RESULTS: readonly ProbeResult[] = ["successful", "failed", "unknown"];

export class ProbeMetrics {
  readonly registry: Registry = new Registry();
  readonly #total = new Counter({
    name: "prober_probe_total",
    help: "Probes of containers, by type and result",
    labelNames: ["probe_type", "result", "container", "pod", "namespace", "pod_uid"],
    registers: [this.registry],
  });

  probed(pod: Pod, container: string, probe_type: ProbeType, result: ProbeResult): void {
    this.#total.inc({ ...labelsOf(pod), container, probe_type, result });
  }

  /** A pod that is gone is not shown for ever. */
  forget(pod: Pod): void {
    for (const { name: container } of [...initContainersOf(pod), ...containersOf(pod)])
      for (const probe_type of TYPES)
        for (const result of RESULTS) this.#total.remove({ ...labelsOf(pod), container, probe_type, result });
  }
}

function labelsOf(pod: Pod): { readonly pod: string; readonly namespace: string; readonly pod_uid: string } {
  const { name, namespace = "" } = pod.metadata;
  return { pod: name, namespace, pod_uid: uidOf(pod) };
}
