/** What `/metrics` shows of device plugins and of those who ask who holds what; upstream's names. @module */
import { Counter, Histogram, type Registry } from "#component-base";

const VERSION_LABEL = ["server_api_version"] as const;

export type PodResourcesMethod = "list" | "get" | "get_allocatable";

export interface DeviceMetrics {
  readonly registrations: Counter<"resource_name">;
  readonly allocationSeconds: Histogram<"resource_name">;
  readonly requests: Counter<"server_api_version">;
  readonly requestsOf: Readonly<Record<PodResourcesMethod, Counter<"server_api_version">>>;
  readonly errorsOf: Readonly<Record<PodResourcesMethod, Counter<"server_api_version">>>;
}

export function newDeviceMetrics(registry: Registry): DeviceMetrics {
  const registers = [registry];
  const counter = (name: string, help: string): Counter<"server_api_version"> =>
    new Counter({ name, help: `[ALPHA] ${help}`, labelNames: VERSION_LABEL, registers });
  const each = (
    what: "requests" | "errors",
    help: string,
  ): Readonly<Record<PodResourcesMethod, Counter<"server_api_version">>> => ({
    list: counter(`kubelet_pod_resources_endpoint_${what}_list`, `${help} of List`),
    get: counter(`kubelet_pod_resources_endpoint_${what}_get`, `${help} of Get`),
    get_allocatable: counter(
      `kubelet_pod_resources_endpoint_${what}_get_allocatable`,
      `${help} of GetAllocatableResources`,
    ),
  });
  return {
    registrations: new Counter({
      name: "kubelet_device_plugin_registration_total",
      help: "[ALPHA] Registrations of device plugins",
      labelNames: ["resource_name"],
      registers,
    }),
    allocationSeconds: new Histogram({
      name: "kubelet_device_plugin_alloc_duration_seconds",
      help: "[ALPHA] Time that device plugins took to allocate",
      labelNames: ["resource_name"],
      registers,
    }),
    requests: counter("kubelet_pod_resources_endpoint_requests_total", "Requests for resources of pods"),
    requestsOf: each("requests", "Requests"),
    errorsOf: each("errors", "Failed requests"),
  };
}
