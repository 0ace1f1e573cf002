/** Puts the volumes of a node together: the manager, and CSI with its drivers and its part of the API. @module */
import { existsSync } from "node:fs";
import { type Clock, type Logger, pause } from "#apimachinery";
import type { Client, EventRecorder } from "#client";
import type { Node, Pod } from "#api/core/v1/types.gen";
import { Registry } from "#component-base";
import type { NodePlatform } from "../platform/platform.ts";
import { runPluginManager, type PluginHandler } from "../pluginmanager/plugin-manager.ts";
import { volumeMetricsText } from "../server/volume-metrics.ts";
import { CsiAllocatable } from "./csi/csi-allocatable.ts";
import { CsiDevices } from "./csi/csi-devices.ts";
import { CsiDriverObjects } from "./csi/csi-driver-objects.ts";
import { CSI_PLUGIN_TYPE, CsiDrivers } from "./csi/csi-drivers.ts";
import { newCsiMetrics } from "./csi/csi-metrics.ts";
import { isExhausted } from "./csi/csi-exhausted.ts";
import { CsiNodeInfo } from "./csi/csi-node-info.ts";
import { CsiPlugin } from "./csi/csi-plugin.ts";
import { simulatedDriver } from "./csi/simulated-driver.ts";
import type { LocalPathVolumes } from "./local-path-volumes.ts";
import type { TokenManager } from "./token-manager.ts";
import { VolumeManager, type VolumeManagerOptions } from "./volume-manager.ts";
import { VolumeStats, type VolumeStatsOptions } from "./volume-stats.ts";

export interface VolumePartsOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  readonly recorder: EventRecorder;
  readonly platform: NodePlatform;
  readonly nodeName: string;
  readonly rootDir: string;
  readonly node: () => Node | undefined;
  readonly localPaths: LocalPathVolumes;
  readonly tokens: TokenManager;
  readonly allocatableMemoryBytes: number;
  readonly onOperation: NonNullable<VolumeManagerOptions["onOperation"]>;
  readonly wake: (uid: string) => void;
  readonly releaseImages: VolumeManagerOptions["releaseImages"];
  /** What is in use has changed: the node's status is to say so. */
  readonly onInUse: () => void;
  /** Of each volume that an earlier kubelet left, whether the disk tells what it is. */
  readonly onFound: (isKnown: boolean) => void;
  readonly onForceCleaned: NonNullable<VolumeManagerOptions["onForceCleaned"]>;
  readonly onMeasured: VolumeStatsOptions["onMeasured"];
  readonly statsMs?: number | undefined;
  /** By type of plugin, besides CSI. */
  readonly pluginHandlers: () => ReadonlyMap<string, PluginHandler>;
}

export interface VolumeParts {
  readonly volumes: VolumeManager;
  readonly stats: VolumeStats;
  /** As in the node's status; undefined: not known yet. */
  readonly volumesInUse: () => readonly string[] | undefined;
  /** What `/metrics` shows of volumes and drivers. */
  readonly exposition: (pods: readonly Pod[], signal: AbortSignal) => Promise<string>;
  /** Until `signal` aborts. */
  readonly run: (signal: AbortSignal) => Promise<void>;
}

const ENSURE_RETRY_MS = 1000;

export function newVolumeParts(options: VolumePartsOptions): VolumeParts {
  const { client, clock, logger, platform, nodeName, rootDir, node } = options;
  const isSimulated = platform.name === "simulated";
  const metrics = new Registry();
  const calls = newCsiMetrics(metrics);
  const nodeInfo = new CsiNodeInfo(client, nodeName);
  const onDriver = (driver: string): void => {
    allocatable.sync(driver);
    volumes.sourcesChanged();
  };
  const drivers = new CsiDrivers({
    clock,
    logger,
    nodeInfo,
    onCall: (...call) => calls.observe(...call),
    onRegistered: onDriver,
    onGone: onDriver,
  });
  const objects = new CsiDriverObjects({ ...options, onChange: onDriver });
  const allocatable = newAllocatable(options, drivers, objects);
  const devices = new CsiDevices(options.onInUse, options.onFound);
  const files = { ...options, host: platform.volumes };
  const csi = new CsiPlugin({
    ...files,
    drivers: isSimulated ? { node: () => simulatedDriver } : drivers,
    objects,
    devices,
    hasSELinux: !isSimulated && existsSync("/sys/fs/selinux/enforce"),
  });
  const refresh: CsiDrivers["refresh"] = (...args) => drivers.refresh(...args);
  const exhausted = { client, nodeName, logger, objects, refresh };
  const volumes = new VolumeManager({
    ...files,
    csi,
    unknown: devices,
    isExhausted: (spec, signal) => isExhausted(exhausted, spec, signal),
  });
  const background = async (signal: AbortSignal): Promise<void> => {
    const handlers = new Map<string, PluginHandler>([
      ...options.pluginHandlers(),
      [CSI_PLUGIN_TYPE, drivers],
    ]);
    const dir = `${rootDir}/plugins_registry`;
    const here = isSimulated
      ? []
      : [
          ensureCSINode({ nodeInfo, node, clock, logger }, signal),
          runPluginManager({ dir, clock, logger, handlers }, signal),
        ];
    await Promise.all([...here, volumes.run(signal)]);
    await allocatable.close();
    drivers.close();
    await objects.close();
  };
  const { statsMs: periodMs } = options;
  const stats = new VolumeStats({ ...options, volumes, csi, host: platform.volumes, periodMs });
  return {
    volumes,
    stats,
    volumesInUse: () => devices.inUse,
    async exposition(pods, signal) {
      const summaries = [...(await stats.of(pods, signal)).values()].flat();
      return volumeMetricsText(summaries) + (await metrics.metrics());
    },
    run: background,
  };
}

function newAllocatable(
  { clock, logger }: VolumePartsOptions,
  drivers: CsiDrivers,
  objects: CsiDriverObjects,
): CsiAllocatable {
  return new CsiAllocatable({
    clock,
    logger,
    isRegistered: (driver) => drivers.has(driver),
    object: (driver) => objects.known(driver),
    refresh: (driver, signal) => drivers.refresh(driver, signal),
  });
}

interface EnsureTools {
  readonly nodeInfo: CsiNodeInfo;
  readonly node: () => Node | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Once the node is registered: every node has its CSINode, also one without drivers. */
async function ensureCSINode(
  { nodeInfo, node, clock, logger }: EnsureTools,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      if (node() !== undefined) return await nodeInfo.ensure(signal);
    } catch (err) {
      if (!signal.aborted) logger.warn("Publishing the CSINode failed", { err });
    }
    await pause(clock, ENSURE_RETRY_MS, signal);
  }
}
