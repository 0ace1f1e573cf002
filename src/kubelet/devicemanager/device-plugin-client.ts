/** One device plugin's service, typed. Failures are `RuntimeError`s. @module */
import type { Clock } from "#apimachinery";
import { connect, isRuntimeUnavailable, type Method } from "#cri";
import {
  type ContainerAllocateResponse,
  devicePluginApi,
  type DevicePluginOptions,
  type PluginDevice,
} from "./device-plugin-tables.ts";

export interface DevicePluginClient {
  /** Waits a little for a plugin that does not listen yet. */
  options(signal: AbortSignal): Promise<DevicePluginOptions>;
  /** All devices, again with every change, until the plugin ends. */
  listAndWatch(signal: AbortSignal): AsyncIterable<readonly PluginDevice[]>;
  /** Of `available`, what the plugin would take. */
  preferredAllocation(
    request: {
      readonly available: readonly string[];
      readonly mustInclude: readonly string[];
      readonly size: number;
    },
    signal: AbortSignal,
  ): Promise<readonly string[]>;
  /** Undefined: the plugin has answered for no container. */
  allocate(ids: readonly string[], signal: AbortSignal): Promise<ContainerAllocateResponse | undefined>;
  preStartContainer(ids: readonly string[], signal: AbortSignal): Promise<void>;
  close(): void;
}

const CONNECT_TIMEOUT_MS = 10_000;
const CONNECT_RETRY_MS = 100;
/** Upstream waits for ever, and with it every pod that comes after. */
const ALLOCATE_TIMEOUT_MS = 120_000;
/** As upstream. */
const PRE_START_TIMEOUT_MS = 30_000;

export function devicePluginClient(socketPath: string, resource: string, clock: Clock): DevicePluginClient {
  const connection = connect(socketPath, clock, `the device plugin of ${resource}`);
  const call = (name: string, request: object, deadlineMs: number, signal: AbortSignal): Promise<object> =>
    connection.unary(method(name), request, { signal, deadlineMs });
  return {
    async options(signal) {
      const endMs = clock.monotonicMs() + CONNECT_TIMEOUT_MS;
      for (;;) {
        try {
          const answer = await call("GetDevicePluginOptions", {}, CONNECT_TIMEOUT_MS, signal);
          return answer as DevicePluginOptions;
        } catch (err) {
          if (!isRuntimeUnavailable(err) || clock.monotonicMs() >= endMs) throw err;
          await clock.sleep(CONNECT_RETRY_MS, signal);
        }
      }
    },
    async *listAndWatch(signal) {
      for await (const message of connection.serverStream(method("ListAndWatch"), {}, { signal }))
        yield (message as { devices: readonly PluginDevice[] }).devices;
    },
    async preferredAllocation({ available, mustInclude, size }, signal) {
      const one = {
        availableDeviceIds: available,
        mustIncludeDeviceIds: mustInclude,
        allocationSize: size,
      };
      const request = { containerRequests: [one] };
      const answer = await call("GetPreferredAllocation", request, ALLOCATE_TIMEOUT_MS, signal);
      const { containerResponses } = answer as {
        containerResponses: readonly { readonly deviceIds: readonly string[] }[];
      };
      return containerResponses[0]?.deviceIds ?? [];
    },
    async allocate(ids, signal) {
      const request = { containerRequests: [{ devicesIds: ids }] };
      const answer = await call("Allocate", request, ALLOCATE_TIMEOUT_MS, signal);
      return (answer as { containerResponses: readonly ContainerAllocateResponse[] }).containerResponses[0];
    },
    async preStartContainer(ids, signal) {
      await call("PreStartContainer", { devicesIds: ids }, PRE_START_TIMEOUT_MS, signal);
    },
    close: () => connection.close(),
  };
}

function method(name: string): Method {
  return devicePluginApi.method("DevicePlugin", name);
}
