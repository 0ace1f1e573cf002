/** Counters that kubelet's parts keep, with upstream's names. @module */
import { Counter, Registry } from "prom-client";

export class KubeletMetrics {
  readonly registry: Registry = new Registry();
  readonly evictions: Counter = new Counter({
    name: "kubelet_evictions",
    help: "Pods evicted, by the signal that was met",
    labelNames: ["eviction_signal"],
    registers: [this.registry],
  });
  readonly imagesCollected: Counter = new Counter({
    name: "kubelet_image_garbage_collected_total",
    help: "Images removed by kubelet, by reason",
    labelNames: ["reason"],
    registers: [this.registry],
  });
}
