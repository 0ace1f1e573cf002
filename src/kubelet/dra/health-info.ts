/** How the devices of drivers are, as their plugins have told, in a file that outlives kubelet; upstream's form. @module */
import type { Clock, Logger } from "#apimachinery";
import type { StateFile } from "../checkpoint/state-file.ts";
import type { PluginDeviceHealth } from "./dra-tables.ts";

export const HEALTH_STATE_NAME = "dra_health_state";

export type DeviceHealthStatus = "Healthy" | "Unhealthy" | "Unknown";

export interface DeviceId {
  readonly poolName: string;
  readonly deviceName: string;
}

export interface DeviceHealth {
  readonly health: DeviceHealthStatus;
  readonly message: string;
}

/** Of the file; Go's names, times and nanoseconds. */
interface DeviceState {
  readonly PoolName: string;
  readonly DeviceName: string;
  readonly Health: DeviceHealthStatus;
  readonly LastUpdated: string;
  readonly HealthCheckTimeout: number;
  readonly Message: string;
}

const UNKNOWN: DeviceHealth = { health: "Unknown", message: "" };
/** What was told longer ago counts as not known, where the plugin says nothing else. */
const DEFAULT_TIMEOUT_SECONDS = 30;
const MESSAGE_LENGTH_MAX = 1024;
const NANOS_PER_MS = 1e6;

/** Bounded by the devices that plugins tell of in one message. */
export class HealthInfo {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #file: StateFile;
  readonly #drivers = new Map<string, Map<string, DeviceState>>();
  #saving: Promise<void> = Promise.resolve();

  constructor({ clock, logger, file }: { clock: Clock; logger: Logger; file: StateFile }) {
    this.#clock = clock;
    this.#logger = logger;
    this.#file = file;
  }

  /** Never rejects: what is not known is told again. */
  async load(): Promise<void> {
    try {
      const text = await this.#file.load();
      if (text === undefined) return;
      const drivers = JSON.parse(text) as Record<string, { Devices: Record<string, DeviceState> }>;
      for (const [driver, { Devices: devices }] of Object.entries(drivers))
        this.#drivers.set(driver, new Map(Object.entries(devices)));
    } catch (err) {
      this.#logger.error("Reading the health of devices failed; it is not known until it is told", { err });
    }
  }

  of(driver: string, device: DeviceId): DeviceHealth {
    const state = this.#drivers.get(driver)?.get(keyOf(device));
    if (state === undefined || this.#isStale(state)) return UNKNOWN;
    return { health: state.Health, message: state.Message };
  }

  /** The driver's plugin has told of all its devices; gives those whose state is another one now. */
  update(driver: string, told: readonly PluginDeviceHealth[]): readonly DeviceId[] {
    const devices = this.#drivers.get(driver) ?? new Map<string, DeviceState>();
    this.#drivers.set(driver, devices);
    const next = told.map((one) => this.#stateOf(one));
    const changed = next.filter((state) => isOther(devices.get(stateKey(state)), state));
    for (const state of next) devices.set(stateKey(state), state);
    const reported = new Set(next.map(stateKey));
    for (const [key, state] of devices) {
      if (reported.has(key) || state.Health === "Unknown" || !this.#isStale(state)) continue;
      const lost: DeviceState = { ...state, Health: "Unknown", Message: "", LastUpdated: this.#now() };
      devices.set(key, lost);
      changed.push(lost);
    }
    if (changed.length > 0) this.#saveSoon();
    return changed.map(idOf);
  }

  /** Its plugin no longer tells. Gives the devices that were known. */
  clear(driver: string): readonly DeviceId[] {
    const devices = [...(this.#drivers.get(driver)?.values() ?? [])];
    if (!this.#drivers.delete(driver)) return [];
    this.#saveSoon();
    return devices.map(idOf);
  }

  /** Resolves when everything is on disk. */
  async close(): Promise<void> {
    await this.#saving;
  }

  #stateOf({ device, health, healthCheckTimeoutSeconds: seconds, message }: PluginDeviceHealth): DeviceState {
    const timeoutMs = (seconds > 0 ? seconds : DEFAULT_TIMEOUT_SECONDS) * 1000;
    return {
      PoolName: device?.poolName ?? "",
      DeviceName: device?.deviceName ?? "",
      Health: statusOf(health),
      LastUpdated: this.#now(),
      HealthCheckTimeout: timeoutMs * NANOS_PER_MS,
      Message:
        message.length <= MESSAGE_LENGTH_MAX ? message : `${message.slice(0, MESSAGE_LENGTH_MAX - 3)}...`,
    };
  }

  #isStale({ LastUpdated: at, HealthCheckTimeout: timeoutNanos }: DeviceState): boolean {
    const timeoutMs = timeoutNanos === 0 ? DEFAULT_TIMEOUT_SECONDS * 1000 : timeoutNanos / NANOS_PER_MS;
    return this.#clock.now() - Date.parse(at) > timeoutMs;
  }

  #now(): string {
    return new Date(this.#clock.now()).toISOString();
  }

  #saveSoon(): void {
    this.#saving = this.#saving.then(() => this.#save());
  }

  async #save(): Promise<void> {
    const entries = [...this.#drivers].map(
      ([driver, devices]) => [driver, { Devices: Object.fromEntries(devices) }] as const,
    );
    try {
      await this.#file.save(JSON.stringify(Object.fromEntries(entries)));
    } catch (err) {
      this.#logger.error("Writing the health of devices failed", { err });
    }
  }
}

function statusOf(health: string): DeviceHealthStatus {
  if (health === "HEALTHY") return "Healthy";
  return health === "UNHEALTHY" ? "Unhealthy" : "Unknown";
}

function isOther(before: DeviceState | undefined, now: DeviceState): boolean {
  return (
    before === undefined ||
    before.Health !== now.Health ||
    before.Message !== now.Message ||
    before.HealthCheckTimeout !== now.HealthCheckTimeout
  );
}

function keyOf({ poolName, deviceName }: DeviceId): string {
  return `${poolName}/${deviceName}`;
}

function idOf({ PoolName: poolName, DeviceName: deviceName }: DeviceState): DeviceId {
  return { poolName, deviceName };
}

function stateKey(state: DeviceState): string {
  return keyOf(idOf(state));
}
