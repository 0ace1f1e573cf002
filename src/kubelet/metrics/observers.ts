/** Leads what kubelet's parts tell of their work to its metrics. @module */
import type { ContainerStatus, PodStatus } from "#api/core/v1/types.gen";
import { isStaticPod } from "../container/pod-spec.ts";
import type { ImageObserver } from "../images/image-manager.ts";
import type { ContainerStarter } from "../kuberuntime/start-container.ts";
import type { PodWorkersObserver } from "../pod-workers/pod-workers.ts";
import type { StatusObserver } from "../status/status-manager.ts";
import type { VolumePartsOptions } from "../volumes/volume-parts.ts";
import type { ImageMetrics } from "./image-metrics.ts";
import type { KubeletMetrics } from "./kubelet-metrics.ts";
import type { PodStartup } from "./pod-startup.ts";
import type { StorageMetrics } from "./storage-metrics.ts";

interface Measured {
  readonly inputs: { readonly metrics: KubeletMetrics };
  readonly startup: PodStartup;
}

const TYPES = [
  ["initContainerStatuses", "init_container"],
  ["containerStatuses", "container"],
  ["ephemeralContainerStatuses", "ephemeral_container"],
] as const;

export function statusObserver({ inputs, startup }: Measured): StatusObserver {
  const { pods, podTimes } = inputs.metrics;
  return {
    written(pod, seconds) {
      startup.statusWritten(pod);
      podTimes.statusSyncSeconds.observe(seconds);
    },
    changed(before, after) {
      for (const labels of newEnds(before, after)) pods.containersTerminated.inc({ ...labels });
    },
  };
}

/** Containers that had not ended before; each end is told once. */
export function newEnds(
  before: PodStatus,
  after: PodStatus,
): readonly { readonly container_type: string; readonly exit_code: string; readonly reason: string }[] {
  return TYPES.flatMap(([list, container_type]) => {
    const old = new Map(before[list]?.map((status): [string, ContainerStatus] => [status.name, status]));
    return (after[list] ?? []).flatMap(({ name, state }) => {
      const end = state?.terminated;
      if (end === undefined || old.get(name)?.state?.terminated !== undefined) return [];
      return { container_type, exit_code: String(end.exitCode), reason: end.reason ?? "" };
    });
  });
}

export function workersObserver({ pods, podTimes, storage }: KubeletMetrics): PodWorkersObserver {
  return {
    started: (pod) => podTimes.containersPerPod.observe(pod.spec?.containers.length ?? 0),
    restarted: (pod) => pods.restarted.inc({ static: isStaticPod(pod) ? "true" : "" }),
    orphaned: () => pods.orphaned.inc(),
    cleaningFailed: () => storage.orphanErrors.inc(),
  };
}

export function imageObserver({ inputs, startup }: Measured): ImageObserver {
  const { images } = inputs.metrics;
  return {
    ensured: (...what) => images.ensured(...what),
    pulled: (...what) => images.pulled(...what),
    pullStarted: (uid) => startup.pullStarted(uid),
    pullEnded: (uid) => startup.pullEnded(uid),
  };
}

export function imageVolumeCounter(images: ImageMetrics): NonNullable<ContainerStarter["onImageVolume"]> {
  const { volumesRequested: requested, volumesMounted: mounted, volumeErrors: failed } = images;
  const counters = { requested, mounted, failed };
  return (what) => counters[what].inc();
}

export function volumeObservers(
  storage: StorageMetrics,
): Pick<VolumePartsOptions, "onFound" | "onForceCleaned" | "onMeasured"> {
  return {
    onFound(isKnown) {
      storage.reconstructed.inc();
      if (!isKnown) storage.reconstructErrors.inc();
    },
    onForceCleaned(volumes, failed) {
      storage.forceCleaned.inc(volumes);
      if (failed) storage.forceCleanErrors.inc(volumes);
    },
    onMeasured: (metric_source, seconds) => storage.measureSeconds.observe({ metric_source }, seconds),
  };
}
