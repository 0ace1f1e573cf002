/** What every component of Kubernetes shows beside its own metrics: its process, its version and its features. @module */
import { kubernetesInfoText } from "./kubernetes-info.ts";
import { processMetricsText, processStartSeconds } from "./process-metrics.ts";

/** `nowMs` is the time of the call; what it returns is to be called each time that somebody asks. */
export function componentText(nowMs: number): () => string {
  const startSeconds = processStartSeconds(nowMs);
  const info = kubernetesInfoText();
  return () => processMetricsText(startSeconds) + info;
}
