/** Puts together what gives devices to pods, by plugins and by claims, and tells who holds them; a simulated node has no devices. @module */
import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { TokenBucket, untilAborted } from "#apimachinery";
import type { Registry } from "#component-base";
import type { Node, Pod } from "#api/core/v1/types.gen";
import { type ContainerDevices, newContainerDevices } from "../cdi/container-devices.ts";
import { memoryState, stateFile } from "../checkpoint/state-file.ts";
import { DRA_PLUGIN_TYPE } from "../dra/dra-plugin-manager.ts";
import { type DRAParts, newDRAParts } from "../dra/dra-parts.ts";
import type { KubeletOptions } from "../options.ts";
import type { PluginHandler } from "../pluginmanager/plugin-manager.ts";
import {
  podResourcesAlphaHandlers,
  podResourcesHandlers,
  type PodResourcesOptions,
} from "../podresources/pod-resources.ts";
import { podResourcesAlphaApi, podResourcesApi } from "../podresources/pod-resources-tables.ts";
import { CHECKPOINT_NAME } from "./checkpoint.ts";
import { DeviceManager, type DeviceManagerOptions } from "./device-manager.ts";
import { newDeviceMetrics } from "./device-metrics.ts";
import { devicePluginApi, type RegisterRequest } from "./device-plugin-tables.ts";
import { DEVICE_PLUGIN_TYPE, DevicePlugins } from "./device-plugins.ts";
import { serveUnix, type UnixService } from "./unix-server.ts";

export interface DevicePartsOptions extends Pick<
  DeviceManagerOptions,
  "activePods" | "onCapacity" | "onHealth"
> {
  readonly options: KubeletOptions;
  readonly registry: Registry;
  readonly pods: () => readonly Pod[];
  /** As the API shows it. */
  readonly node: () => Node | undefined;
}

export interface DeviceParts {
  readonly manager: DeviceManager;
  readonly dra: DRAParts["manager"];
  /** Of containers that start: everything that their devices bring. */
  readonly containers: ContainerDevices;
  /** For the plugins that show themselves in the registry folder, by type. */
  readonly pluginHandlers: ReadonlyMap<string, PluginHandler>;
  /** Reads what an earlier kubelet has given. Rejects when the state of claims is damaged. */
  readonly load: () => Promise<void>;
  /** Until `signal` aborts. */
  readonly run: (signal: AbortSignal) => Promise<void>;
}

const DEVICE_PLUGINS_DIR = "device-plugins";
const POD_RESOURCES_DIR = "pod-resources";
const SOCKET = "kubelet.sock";
/** Of questions about who holds what; upstream's. */
const REQUESTS = { perSecond: 100, burst: 10 };

export function newDeviceParts(input: DevicePartsOptions): DeviceParts {
  const { options, registry, activePods, pods } = input;
  const { clock, logger, rootDir, platform } = options;
  const isSimulated = platform.name === "simulated";
  const dir = join(rootDir, DEVICE_PLUGINS_DIR);
  const metrics = newDeviceMetrics(registry);
  const checkpoint = isSimulated ? memoryState() : stateFile(join(dir, CHECKPOINT_NAME));
  const manager = new DeviceManager({ ...input, clock, logger, checkpoint, metrics });
  const plugins = new DevicePlugins({ clock, logger, manager, metrics, dir });
  const dra = newDRAParts(input);
  const who = {
    devices: manager,
    dra: dra.manager,
    activePods: () => activePods() ?? [],
    pods,
    metrics,
    limiter: new TokenBucket(clock, REQUESTS),
  };
  const serve = async (socketPath: string, services: readonly UnixService[]): Promise<() => void> => {
    try {
      return await serveUnix(socketPath, services);
    } catch (err) {
      // The node runs pods all the same; without devices, or without somebody knowing who holds them.
      logger.error("Listening on a socket failed", { socketPath, err });
      return () => {};
    }
  };
  return {
    manager,
    dra: dra.manager,
    containers: newContainerDevices({
      runtime: options.runtime,
      devicePlugins: manager,
      claimed: (pod, container) => dra.manager.cdiDevices(pod, container),
    }),
    pluginHandlers: new Map<string, PluginHandler>([
      [DEVICE_PLUGIN_TYPE, plugins],
      [DRA_PLUGIN_TYPE, dra.plugins],
    ]),
    async load() {
      await manager.load();
      await dra.load();
    },
    async run(signal) {
      const running = dra.run(signal);
      if (isSimulated) return running;
      await removeSockets(dir);
      const closers = await Promise.all([
        serve(join(dir, SOCKET), [
          {
            schema: devicePluginApi,
            service: "Registration",
            handlers: {
              Register: async (request) => {
                await plugins.registerByCall(request as RegisterRequest, signal);
                return {};
              },
            },
          },
        ]),
        serve(join(rootDir, POD_RESOURCES_DIR, SOCKET), podResourcesServices(who)),
      ]);
      await untilAborted(signal);
      for (const close of closers) close();
      await plugins.close();
      await manager.close();
      await running;
    },
  };
}

function podResourcesServices(who: PodResourcesOptions): readonly UnixService[] {
  const service = "PodResourcesLister";
  return [
    { schema: podResourcesApi, service, handlers: podResourcesHandlers(who) },
    { schema: podResourcesAlphaApi, service, handlers: podResourcesAlphaHandlers(who) },
  ];
}

/** Plugins watch for that, and register again. */
async function removeSockets(dir: string): Promise<void> {
  await mkdir(dir, { recursive: true, mode: 0o750 });
  for (const entry of await readdir(dir, { withFileTypes: true }))
    if (entry.isSocket()) await rm(join(dir, entry.name), { force: true });
}
