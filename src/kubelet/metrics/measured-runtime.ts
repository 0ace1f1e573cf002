/** A runtime whose calls are counted and timed, by upstream's names of them. @module */
import type { Clock } from "#apimachinery";
import type { PodSandboxConfig, Runtime } from "#cri";
import type { KubeletMetrics } from "./kubelet-metrics.ts";

const OPERATIONS: Readonly<Partial<Record<keyof Runtime, string>>> = {
  version: "version",
  status: "status",
  updateRuntimeConfig: "update_runtime_config",
  runPodSandbox: "run_podsandbox",
  stopPodSandbox: "stop_podsandbox",
  removePodSandbox: "remove_podsandbox",
  podSandboxStatus: "podsandbox_status",
  listPodSandbox: "list_podsandbox",
  createContainer: "create_container",
  startContainer: "start_container",
  stopContainer: "stop_container",
  removeContainer: "remove_container",
  listContainers: "list_containers",
  containerStatus: "container_status",
  updateContainerResources: "update_container",
  execSync: "exec_sync",
  exec: "exec",
  attach: "attach",
  portForward: "port_forward",
  reopenContainerLog: "reopen_container_log",
  checkpointContainer: "checkpoint_container",
  listContainerStats: "list_container_stats",
  listPodSandboxStats: "list_podsandbox_stats",
  listImages: "list_images",
  imageStatus: "image_status",
  pullImage: "pull_image",
  removeImage: "remove_image",
  imageFsInfo: "image_fs_info",
};

type Call = (...args: unknown[]) => unknown;

export function measuredRuntime(runtime: Runtime, metrics: KubeletMetrics, clock: Clock): Runtime {
  return new Proxy(runtime, {
    get(target, name) {
      // Runtimes keep their state private: methods need the runtime itself.
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== "function") return value;
      const call: Call = value.bind(target);
      const operation = Object.hasOwn(OPERATIONS, name) ? OPERATIONS[name as keyof Runtime] : undefined;
      return operation === undefined ? call : measured(call, operation, metrics, clock);
    },
  });
}

function measured(call: Call, operation: string, metrics: KubeletMetrics, clock: Clock): Call {
  const labels = { operation_type: operation };
  return (...args) => {
    const startMs = clock.monotonicMs();
    metrics.runtimeOperations.inc(labels);
    const handler = operation === "run_podsandbox" ? { runtime_handler: handlerOf(args) } : undefined;
    const hasUserns = handler !== undefined && isUserNamespaced(args);
    if (handler !== undefined) metrics.pods.started.inc();
    if (hasUserns) metrics.pods.usernsStarted.inc();
    const ended = (failed: boolean): void => {
      const seconds = (clock.monotonicMs() - startMs) / 1000;
      metrics.runtimeSeconds.observe(labels, seconds);
      if (handler !== undefined) metrics.podTimes.sandboxSeconds.observe(handler, seconds);
      if (!failed) return;
      metrics.runtimeErrors.inc(labels);
      if (handler === undefined) return;
      metrics.pods.sandboxErrors.inc(handler);
      metrics.pods.startErrors.inc();
      if (hasUserns) metrics.pods.usernsErrors.inc();
    };
    const answer = call(...args);
    if (answer instanceof Promise)
      answer.then(
        () => ended(false),
        () => ended(true),
      );
    return answer;
  };
}

/** "" is the runtime's default. */
function handlerOf([, handler]: readonly unknown[]): string {
  return typeof handler === "string" ? handler : "";
}

/** The sandbox is to have ids of its own. */
function isUserNamespaced([config]: readonly unknown[]): boolean {
  const { linux } = config as Partial<PodSandboxConfig>;
  return linux?.securityContext?.namespaceOptions?.usernsOptions?.mode === "POD";
}
