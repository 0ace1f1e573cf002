/** GET /metrics, /metrics/cadvisor and /metrics/resource, with upstream's names. @module */
import { Gauge, Registry } from "#component-base";
import type { Pod } from "#api/core/v1/types.gen";
import { isStaticPod } from "../container/pod-spec.ts";
import { resourceMetricsText } from "./resource-metrics.ts";
import type { ServerHost } from "./server-host.ts";
import { cadvisorMetricsText } from "./cadvisor-metrics.ts";
import { resourceSummary } from "./resource-summary.ts";
import { sandboxStats } from "./stats-summary.ts";

export async function metrics(host: ServerHost, signal: AbortSignal): Promise<string> {
  const registry = new Registry();
  const gauge = (name: string, help: string, labelNames: readonly string[] = []): Gauge =>
    new Gauge({ name, help, labelNames: [...labelNames], registers: [registry] });
  const pods = host.runtimePods();
  const running = pods.filter((pod) => pod.sandboxes.some((s) => s.ready)).length;
  gauge("kubelet_running_pods", "Pods that have a running pod sandbox").set(running);
  const containers = gauge("kubelet_running_containers", "Containers by state", ["container_state"]);
  for (const state of ["created", "running", "exited", "unknown"] as const) {
    const count = pods.flatMap((pod) => pod.containers).filter((c) => c.state === state).length;
    containers.set({ container_state: state }, count);
  }
  setByStatic(gauge("kubelet_desired_pods", "Pods that the node is asked to run", ["static"]), host.pods());
  setByStatic(gauge("kubelet_active_pods", "Pods that hold resources", ["static"]), host.activePods());
  const certificates = gauge("kubelet_podcertificate_states", "Certificates of pods by signer and state", [
    "signer_name",
    "state",
  ]);
  for (const { signer, state, count } of host.certificateStates?.() ?? [])
    certificates.set({ signer_name: signer, state }, count);
  const volumes = gauge("volume_manager_total_volumes", "Volumes of pods by plugin", [
    "plugin_name",
    "state",
  ]);
  for (const [plugin_name, count] of host.volumePlugins?.() ?? [])
    volumes.set({ plugin_name, state: "actual_state_of_world" }, count);
  gauge("kubelet_node_name", "The node's name; the count is always 1", ["node"]).set(
    { node: host.nodeName },
    1,
  );
  return (
    (await registry.metrics()) +
    (await host.metrics.registry.metrics()) +
    ((await host.certificateMetrics?.expose()) ?? "") +
    ((await host.volumeMetrics?.(signal)) ?? "")
  );
}

function setByStatic(gauge: Gauge, pods: readonly Pod[]): void {
  const ours = pods.filter(isStaticPod).length;
  gauge.set({ static: "" }, pods.length - ours);
  gauge.set({ static: "true" }, ours);
}

export async function cadvisorMetrics(host: ServerHost, signal: AbortSignal): Promise<string> {
  const [machine, containers, sandboxes] = await Promise.all([
    host.platform.machineInfo(),
    host.runtime.listContainerStats({}, signal),
    sandboxStats(host, signal),
  ]);
  return cadvisorMetricsText({ machine, containers, sandboxes, runtimePod: (uid) => host.runtimePod(uid) });
}

/** A summary that cannot be had is told by the metrics themselves. */
export async function resourceMetrics(host: ServerHost, signal: AbortSignal): Promise<string> {
  try {
    return resourceMetricsText(await resourceSummary(host, signal));
  } catch (err) {
    signal.throwIfAborted();
    host.logger.warn("Measuring containers failed", { err });
    return resourceMetricsText(undefined);
  }
}
