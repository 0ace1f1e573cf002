/** The plugin registration API (pluginregistration v1): what kubelet asks of a plugin that shows itself. @module */
import type { Clock } from "#apimachinery";
import { connect, createSchema, type Schema, type Tables } from "#cri";

const registrationTables: Tables = {
  package: "pluginregistration",
  messages: {
    InfoRequest: "",
    PluginInfo: "type 1 string; name 2 string; endpoint 3 string; supportedVersions 4 string[]",
    RegistrationStatus: "pluginRegistered 1 bool; error 2 string",
    RegistrationStatusResponse: "",
  },
  enums: {},
  methods: [
    "Registration GetInfo InfoRequest PluginInfo",
    "Registration NotifyRegistrationStatus RegistrationStatus RegistrationStatusResponse",
  ],
};

/** For plugins that are written here: tests' drivers. */
export const registration: Schema = createSchema(registrationTables);

export interface PluginInfo {
  /** `CSIPlugin`, `DevicePlugin`, `DRAPlugin`. */
  readonly type: string;
  readonly name: string;
  /** Socket of the service itself; "" means the registration socket. */
  readonly endpoint: string;
  readonly supportedVersions: readonly string[];
}

/** Upstream's limits. */
const INFO_TIMEOUT_MS = 10_000;
const NOTIFY_TIMEOUT_MS = 5_000;

/** One plugin's registration service; to be closed. */
export interface RegistrationClient {
  info(signal: AbortSignal): Promise<PluginInfo>;
  /** `error` is "" when it was registered. */
  notify(error: string, signal: AbortSignal): Promise<void>;
  close(): void;
}

export function registrationClient(socketPath: string, clock: Clock): RegistrationClient {
  const connection = connect(socketPath, clock, `the plugin at ${socketPath}`);
  return {
    async info(signal) {
      const method = registration.method("Registration", "GetInfo");
      return (await connection.unary(method, {}, { signal, deadlineMs: INFO_TIMEOUT_MS })) as PluginInfo;
    },
    async notify(error, signal) {
      const method = registration.method("Registration", "NotifyRegistrationStatus");
      const status = { pluginRegistered: error === "", error };
      await connection.unary(method, status, { signal, deadlineMs: NOTIFY_TIMEOUT_MS });
    },
    close: () => connection.close(),
  };
}
