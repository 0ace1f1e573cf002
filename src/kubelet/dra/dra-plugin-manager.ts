/**
 * The plugins of DRA drivers that have registered: which of them answers, what their devices' health is, and what is done
 * when a driver stays away.
 * @module
 */
import { type Clock, type Logger, pause, type Timer } from "#apimachinery";
import { isRuntimeUnimplemented, type Schema } from "#cri";
import { describeError } from "../container/describe-error.ts";
import type { Plugin, PluginHandler } from "../pluginmanager/plugin-manager.ts";
import type { ConnectedDRAPlugin, DRAPlugin, DRAPluginTarget } from "./dra-plugin.ts";
import { draServices, type PluginDeviceHealth } from "./dra-tables.ts";

export const DRA_PLUGIN_TYPE = "DRAPlugin";

export interface DRAPluginManagerOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly connect: (target: DRAPluginTarget) => ConnectedDRAPlugin;
  /** Deletes the ResourceSlices of a driver; never rejects. */
  readonly wipe: (driver: string, signal: AbortSignal) => Promise<void>;
  /** A plugin has told of its devices; undefined: it no longer tells. */
  readonly onHealth: (driver: string, devices: readonly PluginDeviceHealth[] | undefined) => void;
  /** A driver can be asked again. */
  readonly onUsable: (driver: string) => void;
}

interface Entry {
  readonly endpoint: string;
  readonly plugin: ConnectedDRAPlugin;
  readonly stop: AbortController;
  isConnected: boolean;
}

/** The time that a driver has to come back before its ResourceSlices go; upstream's. */
const WIPING_DELAY_MS = 30_000;
const HEALTH_RETRY_MS = 5000;

/** Bounded by the plugin manager's sockets. */
export class DRAPluginManager implements PluginHandler {
  readonly #options: DRAPluginManagerOptions;
  /** By driver, in the order in which they came: an update may bring the new one before the old one goes. */
  readonly #drivers = new Map<string, readonly Entry[]>();
  readonly #wipes = new Map<string, { readonly timer: Timer; readonly stop: AbortController }>();
  readonly #tasks = new Set<Promise<void>>();

  constructor(options: DRAPluginManagerOptions) {
    this.#options = options;
  }

  /** The newest plugin that is connected, else the newest. Throws when there is none. */
  get(driver: string): DRAPlugin {
    if (driver === "") throw new Error("DRA driver name is empty");
    const entries = this.#drivers.get(driver) ?? [];
    const entry = entries.findLast(({ isConnected }) => isConnected) ?? entries.at(-1);
    if (entry === undefined) throw new Error(`DRA driver ${driver} is not registered`);
    return entry.plugin;
  }

  // oxlint-disable-next-line typescript/require-await -- a promise by contract
  async register({ name: driver, endpoint, supportedVersions }: Plugin): Promise<void> {
    const service = chooseService(driver, endpoint, supportedVersions);
    const before = this.#drivers.get(driver) ?? [];
    if (before.some((entry) => entry.endpoint === endpoint))
      throw new Error(`endpoint ${endpoint} already registered for DRA driver plugin ${driver}`);
    const plugin = this.#options.connect({ driver, socketPath: endpoint, service });
    const stop = new AbortController();
    const entry: Entry = { endpoint, plugin, stop, isConnected: false };
    this.#drivers.set(driver, [...before, entry]);
    plugin.keepConnected((isConnected) => {
      entry.isConnected = isConnected;
      this.#sync(driver);
    }, stop.signal);
    this.#start(this.#followHealth(driver, entry));
    this.#sync(driver);
  }

  // oxlint-disable-next-line typescript/require-await -- a promise by contract
  async deregister({ name: driver, endpoint }: Plugin): Promise<void> {
    const entries = this.#drivers.get(driver) ?? [];
    const gone = entries.find((entry) => entry.endpoint === endpoint);
    if (gone === undefined) return;
    const left = entries.filter((entry) => entry !== gone);
    if (left.length === 0) this.#drivers.delete(driver);
    else this.#drivers.set(driver, left);
    end(gone);
    this.#sync(driver);
  }

  /** Resolves when nothing is under way any more. */
  async close(): Promise<void> {
    for (const driver of this.#wipes.keys()) this.#cancelWipe(driver);
    for (const entry of [...this.#drivers.values()].flat()) end(entry);
    this.#drivers.clear();
    await Promise.all(this.#tasks);
  }

  #sync(driver: string): void {
    const isUsable = (this.#drivers.get(driver) ?? []).some(({ isConnected }) => isConnected);
    if (isUsable) {
      this.#cancelWipe(driver);
      this.#options.onUsable(driver);
    } else if (!this.#wipes.has(driver)) this.#wipeLater(driver);
  }

  #wipeLater(driver: string): void {
    const { clock, logger, wipe } = this.#options;
    const stop = new AbortController();
    const timer = clock.after(WIPING_DELAY_MS, () => {
      logger.info("A DRA driver stays away; what it offers is taken back", { driver });
      const wiping = wipe(driver, stop.signal).then(() => {
        if (this.#wipes.get(driver)?.stop === stop) this.#wipes.delete(driver);
      });
      this.#start(wiping);
    });
    this.#wipes.set(driver, { timer, stop });
  }

  #cancelWipe(driver: string): void {
    const wipe = this.#wipes.get(driver);
    wipe?.timer.cancel();
    wipe?.stop.abort(new Error("the driver is back"));
    this.#wipes.delete(driver);
  }

  /** Never rejects. */
  async #followHealth(driver: string, entry: Entry): Promise<void> {
    const { plugin, stop } = entry;
    const { signal } = stop;
    const { clock, logger, onHealth } = this.#options;
    while (!signal.aborted) {
      try {
        for await (const devices of plugin.watchHealth(signal)) onHealth(driver, devices);
      } catch (err) {
        // Such a plugin is asked again when it registers again.
        if (isRuntimeUnimplemented(err)) return;
        if (!signal.aborted)
          logger.debug("The stream of devices' health has ended", { driver, reason: describeError(err) });
      }
      // Its successor has told already.
      const others = (this.#drivers.get(driver) ?? []).filter((one) => one !== entry);
      if (!others.some(({ isConnected }) => isConnected)) onHealth(driver, undefined);
      await pause(clock, HEALTH_RETRY_MS, signal);
    }
  }

  #start(task: Promise<void>): void {
    this.#tasks.add(task);
    void task.then(() => this.#tasks.delete(task));
  }
}

function end({ plugin, stop }: Entry): void {
  stop.abort(new Error("the plugin is gone"));
  plugin.close();
}

/** Of what the plugin serves, the first that kubelet speaks. */
function chooseService(driver: string, endpoint: string, served: readonly string[]): Schema {
  const refuse = (why: string): Error =>
    new Error(
      `invalid supported gRPC versions of DRA driver plugin ${driver} at endpoint ${endpoint}: ${why}`,
    );
  if (served.length === 0) throw refuse("empty list of supported gRPC services (aka supported versions)");
  for (const name of served) {
    const service = draServices.get(name);
    if (service !== undefined) return service;
  }
  throw refuse(
    `none of services supported by the plugin (${quoted(served)}) are supported by the kubelet (${quoted([...draServices.keys()])})`,
  );
}

function quoted(names: readonly string[]): string {
  return `[${names.map((name) => JSON.stringify(name)).join(" ")}]`;
}
