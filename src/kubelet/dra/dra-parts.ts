/** Puts together what gives pods their dynamic resources; on a simulated node there is nothing to prepare. @module */
import { join } from "node:path";
import type { Registry } from "#component-base";
import type { Node } from "#api/core/v1/types.gen";
import { memoryState, type StateFile, stateFile } from "../checkpoint/state-file.ts";
import type { KubeletOptions } from "../options.ts";
import { CHECKPOINT_NAME } from "./checkpoint.ts";
import { ClaimInfoCache } from "./claim-info-cache.ts";
import { DRAManager, type DRAManagerOptions } from "./dra-manager.ts";
import { newDRAMetrics } from "./dra-metrics.ts";
import { type DRAPlugin, draPlugin } from "./dra-plugin.ts";
import { DRAPluginManager } from "./dra-plugin-manager.ts";
import { HEALTH_STATE_NAME, HealthInfo } from "./health-info.ts";
import { wipeResourceSlices } from "./wipe-resource-slices.ts";

export interface DRAPartsOptions extends Pick<DRAManagerOptions, "activePods" | "onHealth"> {
  readonly options: KubeletOptions;
  readonly registry: Registry;
  /** As the API shows it. */
  readonly node: () => Node | undefined;
}

export interface DRAParts {
  readonly manager: DRAManager;
  /** For the plugins that show themselves in the registry folder. */
  readonly plugins: DRAPluginManager;
  /** Reads what an earlier kubelet has prepared. Rejects when nobody can know that any more. */
  readonly load: () => Promise<void>;
  /** Until `signal` aborts. */
  readonly run: (signal: AbortSignal) => Promise<void>;
}

/** Every driver is there, and gives no devices. */
const simulatedPlugin: DRAPlugin = {
  prepare: async (claims) => new Map(claims.map(({ uid }) => [uid, { devices: [], error: "" }])),
  unprepare: async (claims) => new Map(claims.map(({ uid }) => [uid, ""])),
};

export function newDRAParts({ options, registry, node, activePods, onHealth }: DRAPartsOptions): DRAParts {
  const { client, clock, random, logger, nodeName, rootDir, platform } = options;
  const isSimulated = platform.name === "simulated";
  const file = (name: string): StateFile => (isSimulated ? memoryState() : stateFile(join(rootDir, name)));
  const cache = new ClaimInfoCache(file(CHECKPOINT_NAME));
  const health = new HealthInfo({ clock, logger, file: file(HEALTH_STATE_NAME) });
  const prepared = (): readonly (readonly string[])[] =>
    cache.list().flatMap((info) => (info.isPrepared ? [[...info.drivers.keys()]] : []));
  const metrics = newDRAMetrics(registry, prepared);
  const isRegistered = (): boolean => node() !== undefined;
  const wipe = { client, clock, random, logger, nodeName, isRegistered };
  const plugins = new DRAPluginManager({
    clock,
    logger,
    connect: (target) => draPlugin(target, clock, metrics.call),
    wipe: (driver, signal) => wipeResourceSlices(wipe, driver, signal),
    onHealth: (driver, devices) => manager.healthTold(driver, devices),
    onUsable: () => manager.checkSoon(),
  });
  const plugin = (driver: string): DRAPlugin => (isSimulated ? simulatedPlugin : plugins.get(driver));
  const tools = { client, clock, logger, cache, health, metrics, plugin };
  const manager = new DRAManager({ ...tools, activePods, onHealth });
  return {
    manager,
    plugins,
    async load() {
      await health.load();
      try {
        await cache.load();
      } catch (err) {
        const what =
          "could not read the state of dynamic resources, please drain node and remove DRA state file";
        throw new Error(`${what}: ${(err as Error).message}`, { cause: err });
      }
    },
    async run(signal) {
      // No driver has registered yet: pods should not come for what may never be back.
      const wiping = isSimulated ? [] : [wipeResourceSlices(wipe, undefined, signal)];
      await Promise.all([...wiping, manager.run(signal)]);
      await plugins.close();
      await cache.close();
      await health.close();
    },
  };
}
