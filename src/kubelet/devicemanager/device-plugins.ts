/** The plugins that have registered: connects to each, follows its devices, and tells the manager when it goes. @module */
import { join } from "node:path";
import type { Clock, Logger } from "#apimachinery";
import { isExtendedResource } from "#api/validation/resources";
import { describeError } from "../container/describe-error.ts";
import type { Plugin, PluginHandler } from "../pluginmanager/plugin-manager.ts";
import type { DeviceManager } from "./device-manager.ts";
import type { DeviceMetrics } from "./device-metrics.ts";
import { type DevicePluginClient, devicePluginClient } from "./device-plugin-client.ts";
import { DEVICE_PLUGIN_VERSION, type RegisterRequest } from "./device-plugin-tables.ts";

export const DEVICE_PLUGIN_TYPE = "DevicePlugin";

export interface DevicePluginsOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly manager: Pick<DeviceManager, "connected" | "disconnected" | "devicesChanged">;
  readonly metrics: DeviceMetrics;
  /** Folder of the sockets of plugins. */
  readonly dir: string;
}

interface Connected {
  readonly client: DevicePluginClient;
  readonly stop: AbortController;
}

/** Bounded by the resources that the manager takes. */
export class DevicePlugins implements PluginHandler {
  readonly #options: DevicePluginsOptions;
  readonly #connected = new Map<string, Connected>();
  readonly #following = new Set<Promise<void>>();

  constructor(options: DevicePluginsOptions) {
    this.#options = options;
  }

  /** A plugin calls: `Register` of kubelet's own socket. */
  async registerByCall(
    { version, endpoint, resourceName }: RegisterRequest,
    signal: AbortSignal,
  ): Promise<void> {
    const { metrics, logger, dir } = this.#options;
    metrics.registrations.inc({ resource_name: resourceName });
    try {
      check(resourceName, [version]);
      await this.#connect(resourceName, join(dir, endpoint), signal);
    } catch (err) {
      signal.throwIfAborted();
      logger.warn("Registering a device plugin failed", {
        resource: resourceName,
        reason: describeError(err),
      });
      throw err;
    }
  }

  /** A plugin has shown itself in the registry folder. */
  async register({ name, endpoint, supportedVersions }: Plugin, signal: AbortSignal): Promise<void> {
    check(name, supportedVersions);
    await this.#connect(name, endpoint, signal);
  }

  // oxlint-disable-next-line typescript/require-await -- a promise by contract
  async deregister({ name }: Plugin): Promise<void> {
    const connected = this.#connected.get(name);
    if (connected !== undefined) this.#disconnect(name, connected);
  }

  async close(): Promise<void> {
    for (const { stop } of this.#connected.values()) stop.abort(new Error("kubelet ends"));
    await Promise.all(this.#following);
  }

  /** The plugin's devices are followed until it ends, is replaced by another, or `signal` aborts. */
  async #connect(resource: string, socketPath: string, signal: AbortSignal): Promise<void> {
    const { clock, logger, manager } = this.#options;
    const client = devicePluginClient(socketPath, resource, clock);
    const stop = new AbortController();
    try {
      const options = await client.options(signal);
      manager.connected(resource, { client, options });
    } catch (err) {
      client.close();
      signal.throwIfAborted();
      throw new Error(`failed to get device plugin options: ${describeError(err)}`, { cause: err });
    }
    this.#connected.get(resource)?.stop.abort(new Error("the plugin has registered again"));
    const connected = { client, stop };
    this.#connected.set(resource, connected);
    logger.info("A device plugin has registered", { resource, socketPath });
    const following = this.#follow(resource, connected);
    this.#following.add(following);
    void following.then(() => this.#following.delete(following));
  }

  /** Never rejects. */
  async #follow(resource: string, connected: Connected): Promise<void> {
    const { client, stop } = connected;
    let reason = "the plugin has ended the stream";
    try {
      for await (const devices of client.listAndWatch(stop.signal))
        if (this.#connected.get(resource) === connected)
          this.#options.manager.devicesChanged(resource, devices);
    } catch (err) {
      reason = describeError(err);
    }
    client.close();
    if (stop.signal.aborted) return;
    this.#options.logger.warn("A device plugin is gone", { resource, reason });
    this.#disconnect(resource, connected);
  }

  #disconnect(resource: string, connected: Connected): void {
    if (this.#connected.get(resource) !== connected) return;
    this.#connected.delete(resource);
    connected.stop.abort(new Error("the plugin is gone"));
    this.#options.manager.disconnected(resource);
  }
}

/** Upstream's words. */
function check(resource: string, versions: readonly string[]): void {
  if (!versions.includes(DEVICE_PLUGIN_VERSION)) {
    const asked = JSON.stringify(versions.join(" "));
    throw new Error(
      `requested API version ${asked} is not supported by kubelet. Supported version is ["${DEVICE_PLUGIN_VERSION}"]`,
    );
  }
  if (!isExtendedResource(resource))
    throw new Error(`the ResourceName ${JSON.stringify(resource)} is invalid`);
}
