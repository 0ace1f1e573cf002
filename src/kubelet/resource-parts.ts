/** Puts together what watches over the node's resources: allocation, eviction, image collection, measurements. @module */
import { join } from "node:path";
import type { EventRecorder } from "#client";
import type { Node, Pod } from "#api/core/v1/types.gen";
import { AllocationManager } from "./allocation/allocation-manager.ts";
import { ResourceState } from "./allocation/resource-state.ts";
import { memoryState, stateFile, type StateFile } from "./checkpoint/state-file.ts";
import { EvictionManager } from "./eviction/eviction-manager.ts";
import type { EvictionConfig } from "./eviction/thresholds.ts";
import { ImageGCManager } from "./images/image-gc-manager.ts";
import { DEFAULT_IMAGE_GC } from "./images/image-gc-plan.ts";
import { deleteUnusedContainers } from "./kuberuntime/container-gc.ts";
import type { KubeletOptions } from "./options.ts";
import { watchOom } from "./oom/oom-watcher.ts";
import type { NodePlatform } from "./platform/platform.ts";
import type { RuntimeCache } from "./pleg/runtime-cache.ts";
import type { PodWorkers } from "./pod-workers/pod-workers.ts";
import type { KubeletMetrics } from "./metrics/kubelet-metrics.ts";
import { fullSummary } from "./server/stats-summary.ts";
import { FsStats } from "./stats/fs-stats.ts";
import type { VolumeStats } from "./volumes/volume-stats.ts";

export interface ResourcePartsOptions {
  readonly options: KubeletOptions;
  readonly platform: NodePlatform;
  readonly recorder: EventRecorder;
  readonly metrics: KubeletMetrics;
  readonly allocatable: Readonly<Record<string, string>>;
  readonly cache: RuntimeCache;
  readonly workers: () => PodWorkers;
  readonly volumes: Pick<VolumeStats, "of">;
  readonly node: () => Node | undefined;
  /** The node's conditions have changed. */
  readonly onConditions: () => void;
  /** The pod's resources, or what is told of them, have changed. */
  readonly onChange: (uid: string) => void;
}

export interface ResourceParts {
  readonly allocation: AllocationManager;
  readonly eviction: EvictionManager;
  readonly fs: FsStats;
  readonly metrics: KubeletMetrics;
  /** Until `signal` aborts. */
  readonly run: (signal: AbortSignal) => Promise<void>;
}

/** A node that only pretends has nothing to run short of. */
export function evictionConfigOf({ eviction, platform }: KubeletOptions): EvictionConfig {
  return { ...(platform.name === "simulated" && { hard: {} }), ...eviction };
}

export function newResourceParts(input: ResourcePartsOptions): ResourceParts {
  const { options, platform, recorder, cache, workers, node, onConditions } = input;
  const { clock, logger, runtime, rootDir, podLogsDir, nodeName } = options;
  const { metrics } = input;
  const pods = (): readonly Pod[] => workers().activePods();
  const paths = { rootDir, podLogsDir };
  const fs = new FsStats({ clock, logger, runtime, platform, paths, volumes: input.volumes, pods });
  const host = {
    nodeName,
    clock,
    runtime,
    platform,
    fs,
    activePods: pods,
    runtimePod: (uid: string) => cache.get(uid),
  };
  const images = newImageGC(input, fs, metrics);
  const gc = { runtime, cache, logger, isFinished: (uid: string) => workers().isFinished(uid) };
  const eviction = new EvictionManager({
    clock,
    logger,
    recorder,
    platform,
    config: evictionConfigOf(options),
    fs,
    summary: (signal) => fullSummary(host, signal),
    node,
    activePods: pods,
    terminate: (uid, kill) => workers().terminate(uid, kill),
    isGone: (uid) => workers().isFinished(uid),
    deleteUnusedContainers: (signal) => deleteUnusedContainers(gc, signal),
    deleteUnusedImages: (signal) => images.deleteUnused(signal),
    onConditions,
    onEviction: (signal) => metrics.evictions.inc({ eviction_signal: signal }),
    onRanking: (signal, ageSeconds) =>
      metrics.evictionStatsAge.observe({ eviction_signal: signal }, ageSeconds),
  });
  return {
    allocation: newAllocation(input),
    eviction,
    fs,
    metrics,
    async run(signal) {
      // Thousands of simulated nodes in one process would look at nothing.
      const isReal = platform.name === "linux";
      const tasks = isReal || options.eviction !== undefined ? [eviction.run(signal)] : [];
      if (isReal) tasks.push(images.run(signal), watchOom({ clock, recorder, logger, node }, signal));
      await Promise.all(tasks);
    },
  };
}

function newAllocation({
  options,
  platform,
  recorder,
  allocatable,
  workers,
  metrics,
  onChange,
}: ResourcePartsOptions): AllocationManager {
  const { clock, logger, rootDir } = options;
  const file = (name: string): StateFile =>
    platform.name === "simulated" ? memoryState() : stateFile(join(rootDir, name));
  return new AllocationManager({
    clock,
    logger,
    recorder,
    allocated: new ResourceState(file("allocated_pods_state"), logger),
    actuated: new ResourceState(file("actuated_pods_state"), logger),
    allocatable,
    activePods: () => workers().activePods(),
    onChange,
    onDeferredGranted: (retry_trigger) => metrics.resizes.deferredAccepted.inc({ retry_trigger }),
  });
}

function newImageGC(
  { options, recorder, node, workers }: ResourcePartsOptions,
  fs: FsStats,
  metrics: KubeletMetrics,
): ImageGCManager {
  const { clock, logger, runtime } = options;
  return new ImageGCManager({
    images: runtime,
    runtime,
    clock,
    logger,
    recorder,
    node,
    fs: (signal) => fs.ofRuntime(signal),
    policy: { ...DEFAULT_IMAGE_GC, ...options.imageGC },
    mounted: () => workers().mountedImages(),
    onRemoved: (reason) => metrics.images.collected.inc({ reason }),
  });
}
