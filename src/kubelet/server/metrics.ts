/** GET /metrics and /metrics/resource, with upstream's names. @module */
import { Gauge, Registry } from "prom-client";
import { CONTAINER_NAME_LABEL, POD_NAME_LABEL, POD_NAMESPACE_LABEL } from "../container/labels.ts";
import type { ServerHost } from "./server-host.ts";

const NANOSECONDS = 1e9;

export async function metrics(host: ServerHost): Promise<string> {
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
  gauge("kubelet_desired_pods", "Pods that the node is asked to run").set(host.pods().length);
  gauge("kubelet_node_name", "The node's name; the count is always 1", ["node"]).set(
    { node: host.nodeName },
    1,
  );
  return registry.metrics();
}

export async function resourceMetrics(host: ServerHost, signal: AbortSignal): Promise<string> {
  const registry = new Registry();
  const [usage, stats] = await Promise.all([
    host.platform.usage(),
    host.runtime.listContainerStats({}, signal),
  ]);
  const gauge = (name: string, help: string, labelNames: readonly string[] = []): Gauge =>
    new Gauge({ name, help, labelNames: [...labelNames], registers: [registry] });
  const nodeCpu = "node_cpu_usage_seconds_total";
  gauge(nodeCpu, "Cumulative cpu time of the node in core-seconds").set(usage.cpuNanoSeconds / NANOSECONDS);
  const nodeMemory = "node_memory_working_set_bytes";
  gauge(nodeMemory, "Working set of the node in bytes").set(usage.memoryWorkingSetBytes);
  const names = ["container", "pod", "namespace"];
  const cpu = gauge(
    "container_cpu_usage_seconds_total",
    "Cumulative cpu time of the container in core-seconds",
    names,
  );
  const memory = gauge("container_memory_working_set_bytes", "Working set of the container in bytes", names);
  for (const { attributes, cpu: cpuUsage, memory: memoryUsage } of stats) {
    const labels = {
      container: attributes.labels[CONTAINER_NAME_LABEL] ?? attributes.metadata.name,
      pod: attributes.labels[POD_NAME_LABEL] ?? "",
      namespace: attributes.labels[POD_NAMESPACE_LABEL] ?? "",
    };
    cpu.set(labels, (cpuUsage?.usageCoreNanoSeconds ?? 0) / NANOSECONDS);
    memory.set(labels, memoryUsage?.workingSetBytes ?? 0);
  }
  return registry.metrics();
}
