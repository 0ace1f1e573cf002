/** What the endpoint needs to know of the node it serves. @module */
import type { Clock, Logger } from "#apimachinery";
import type { Pod } from "#api/core/v1/types.gen";
import type { Metrics } from "#component-base";
import type { Runtime } from "#cri";
import type { CertificateMetrics } from "../certificates/certificate-metrics.ts";
import type { RuntimeContainer, RuntimePod } from "../container/runtime-pod.ts";
import type { NodeDetails } from "../metrics/node-gauges.ts";
import type { NodePlatform } from "../platform/platform.ts";
import type { ProbeMetrics } from "../prober/probe-metrics.ts";
import type { FsStats } from "../stats/fs-stats.ts";
import type { NodeLogs } from "./node-logs.ts";
import type { KubeletMetrics } from "../metrics/kubelet-metrics.ts";

export interface ServerHost {
  readonly nodeName: string;
  /** Kubelet's own folder. */
  readonly rootDir: string;
  readonly nodeLogs: NodeLogs;
  /** What it runs with, as a KubeletConfiguration. */
  readonly configuration: object;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly runtime: Runtime;
  readonly platform: NodePlatform;
  readonly certificateMetrics: CertificateMetrics | undefined;
  /** What the client of the API server counts. */
  readonly clientMetrics?: Metrics | undefined;
  readonly fs: FsStats;
  readonly metrics: KubeletMetrics;
  readonly probeMetrics: ProbeMetrics;
  /** The process, its version and its features, in Prometheus' text format. */
  readonly component?: () => string;
  /** What kubelet's parts know of its pods, for its own metrics. */
  readonly details?: () => NodeDetails;
  /** Those that hold resources of the node. */
  activePods(): readonly Pod[];
  /** In Prometheus' text format. */
  readonly volumeMetrics?: (signal: AbortSignal) => Promise<string>;
  /** With their newest status. */
  pods(): readonly Pod[];
  podNamed(namespace: string, name: string): Pod | undefined;
  runtimePods(): readonly RuntimePod[];
  runtimePod(uid: string): RuntimePod | undefined;
  /** Undefined when the runtime has not been heard of for too long. */
  isHealthy(): boolean;
}

/** A refusal with the text that the API server hands on. */
export class HttpError extends Error {
  override readonly name = "HttpError";
  readonly status: number;

  constructor(status: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
  }
}

export interface Target {
  readonly pod: Pod;
  readonly runtimePod: RuntimePod;
  readonly container: RuntimeContainer;
}

export function requirePod(host: ServerHost, namespace: string, name: string): Pod {
  const pod = host.podNamed(namespace, name);
  if (pod === undefined) throw new HttpError(404, "pod does not exist");
  return pod;
}

/**
 * The running container that a stream is for. To one that has ended nobody can attach: this very refusal lets kubectl go on
 * with the container's log.
 */
export function requireRunning(
  host: ServerHost,
  what: "exec" | "attach",
  namespace: string,
  name: string,
  containerName: string,
): Target {
  const pod = requirePod(host, namespace, name);
  const runtimePod = host.runtimePod(pod.metadata.uid ?? "");
  const container = runtimePod?.containers.find((c) => c.name === containerName && c.state === "running");
  if (runtimePod !== undefined && container !== undefined) return { pod, runtimePod, container };
  throw new HttpError(
    500,
    what === "exec"
      ? `container not found (${JSON.stringify(containerName)})`
      : `container ${containerName} not found in pod ${name}_${namespace}`,
  );
}
