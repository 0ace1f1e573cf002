/** The CSI drivers that have registered themselves on this node. @module */
import type { Clock, Logger } from "#apimachinery";
import type { Plugin, PluginHandler } from "../../pluginmanager/plugin-manager.ts";
import { type CsiNodeClient, csiNodeClient, type OnCsiCall } from "./csi-client.ts";
import type { DriverNodeInfo } from "./csi-node.ts";
import type { CsiNodeInfo } from "./csi-node-info.ts";

export const CSI_PLUGIN_TYPE = "CSIPlugin";

export interface CsiDriversOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly nodeInfo: Pick<CsiNodeInfo, "install" | "update" | "uninstall">;
  readonly onCall: (driver: string, ...call: Parameters<OnCsiCall>) => void;
  /** A driver has come: what waits for it may go on. */
  readonly onRegistered: (driver: string) => void;
  readonly onGone: (driver: string) => void;
}

interface Entry {
  readonly plugin: Plugin;
  readonly client: CsiNodeClient;
}

const MAJOR_VERSION = /^v?1(\.\d+)*([-+].*)?$/u;

export class CsiDrivers implements PluginHandler {
  readonly #options: CsiDriversOptions;
  /** Bounded by the plugin manager's sockets. */
  readonly #entries = new Map<string, Entry>();

  constructor(options: CsiDriversOptions) {
    this.#options = options;
  }

  /** Throws when the driver is not here: it may come back. */
  node(driver: string): CsiNodeClient {
    const entry = this.#entries.get(driver);
    if (entry === undefined)
      throw new Error(`driver name ${driver} not found in the list of registered CSI drivers`);
    return entry.client;
  }

  has(driver: string): boolean {
    return this.#entries.has(driver);
  }

  /** Tells the CSINode what the driver says of this node now. */
  async refresh(driver: string, signal: AbortSignal): Promise<void> {
    await this.#options.nodeInfo.update(await infoOf(driver, this.node(driver), signal), signal);
  }

  async register(plugin: Plugin, signal: AbortSignal): Promise<void> {
    const { name, endpoint, supportedVersions } = plugin;
    if (!supportedVersions.some((version) => MAJOR_VERSION.test(version))) {
      const versions = `[${supportedVersions.map((version) => JSON.stringify(version)).join(" ")}]`;
      throw new Error(
        `validation failed for CSI Driver ${name} at endpoint ${endpoint}: none of the versions specified ${versions} are supported`,
      );
    }
    const { clock, nodeInfo, onCall, onRegistered } = this.#options;
    const client = csiNodeClient(endpoint, name, clock, (...call) => onCall(name, ...call));
    const before = this.#entries.get(name);
    this.#entries.set(name, { plugin, client });
    try {
      const info = await infoOf(name, client, signal);
      if (info.nodeId === "")
        throw new Error("error adding CSI driver node info: driverNodeID must not be empty");
      await nodeInfo.install(info, signal);
    } catch (err) {
      if (this.#entries.get(name)?.client === client) this.#entries.delete(name);
      client.close();
      throw err;
    } finally {
      before?.client.close();
    }
    onRegistered(name);
  }

  async deregister({ name, socketPath }: Plugin, signal: AbortSignal): Promise<void> {
    const entry = this.#entries.get(name);
    // Its successor may have come by another socket before it went.
    if (entry === undefined || entry.plugin.socketPath !== socketPath) return;
    this.#entries.delete(name);
    entry.client.close();
    this.#options.onGone(name);
    await this.#options.nodeInfo.uninstall(name, signal);
  }

  close(): void {
    for (const { client } of this.#entries.values()) client.close();
    this.#entries.clear();
  }
}

async function infoOf(driver: string, client: CsiNodeClient, signal: AbortSignal): Promise<DriverNodeInfo> {
  const { nodeId, maxVolumesPerNode, accessibleTopology } = await client.info(signal);
  return { driver, nodeId, maxVolumes: maxVolumesPerNode, topology: accessibleTopology?.segments ?? {} };
}
