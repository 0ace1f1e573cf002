/** GET /metrics, /metrics/cadvisor and /metrics/resource, with upstream's names. @module */
import { uidOf } from "../container/pod-spec.ts";
import { qosClassOf } from "../container/qos.ts";
import type { RuntimePod } from "../container/runtime-pod.ts";
import { nodeGaugesText } from "../metrics/node-gauges.ts";
import type { CgroupDetails } from "../platform/platform.ts";
import { resourceMetricsText } from "./resource-metrics.ts";
import type { ServerHost } from "./server-host.ts";
import { cadvisorMetricsText } from "./cadvisor-metrics.ts";
import { resourceSummary } from "./resource-summary.ts";
import { sandboxStats } from "./stats-summary.ts";

export async function metrics(host: ServerHost, signal: AbortSignal): Promise<string> {
  const { nodeName, platform, certificateMetrics, clientMetrics, component } = host;
  const node = {
    nodeName,
    runtimePods: host.runtimePods(),
    pods: host.pods(),
    activePods: host.activePods(),
    details: host.details?.(),
  };
  return (
    (await nodeGaugesText(node, await platform.cgroups.version?.())) +
    (await host.metrics.registry.metrics()) +
    ((await certificateMetrics?.expose()) ?? "") +
    ((await clientMetrics?.expose()) ?? "") +
    ((await host.volumeMetrics?.(signal)) ?? "") +
    (component?.() ?? "")
  );
}

export async function cadvisorMetrics(host: ServerHost, signal: AbortSignal): Promise<string> {
  const [machine, containers, sandboxes] = await Promise.all([
    host.platform.machineInfo(),
    host.runtime.listContainerStats({}, signal),
    sandboxStats(host, signal),
  ]);
  const details = await cgroupDetails(host);
  const runtimePod = (uid: string): RuntimePod | undefined => host.runtimePod(uid);
  return cadvisorMetricsText({ machine, containers, sandboxes, details, runtimePod });
}

/** By container. */
async function cgroupDetails(host: ServerHost): Promise<ReadonlyMap<string, CgroupDetails>> {
  const all = new Map<string, CgroupDetails>();
  for (const pod of host.pods()) {
    const uid = uidOf(pod);
    const running = (host.runtimePod(uid)?.containers ?? []).filter(({ state }) => state === "running");
    const ids = running.map(({ id }) => id);
    const details = await host.platform.cgroups.details?.(uid, qosClassOf(pod), ids);
    for (const [id, one] of details ?? []) all.set(id, one);
  }
  return all;
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
