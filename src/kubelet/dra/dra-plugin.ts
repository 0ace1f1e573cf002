/** One DRA driver's plugin, typed. Failures of calls are `RuntimeError`s. @module */
import type { Clock } from "#apimachinery";
import { connect, RuntimeError, type Schema } from "#cri";
import { draHealth, type DraClaim, type PluginDeviceHealth, type PreparedDevice } from "./dra-tables.ts";

/** Of one claim: devices, or why there are none. */
export interface PrepareResult {
  readonly devices: readonly PreparedDevice[];
  /** "" when it is prepared. */
  readonly error: string;
}

/** Both answers are by claim uid, and may lack claims. */
export interface DRAPlugin {
  prepare(claims: readonly DraClaim[], signal: AbortSignal): Promise<ReadonlyMap<string, PrepareResult>>;
  /** "" when the claim is no longer prepared. */
  unprepare(claims: readonly DraClaim[], signal: AbortSignal): Promise<ReadonlyMap<string, string>>;
}

export interface ConnectedDRAPlugin extends DRAPlugin {
  /** All devices of the driver, again with every change. */
  watchHealth(signal: AbortSignal): AsyncIterable<readonly PluginDeviceHealth[]>;
  /** Tells whenever the plugin answers again, or no longer. */
  keepConnected(onChange: (isConnected: boolean) => void, signal: AbortSignal): void;
  close(): void;
}

export interface DRAPluginTarget {
  readonly driver: string;
  readonly socketPath: string;
  /** Of `draServices`. */
  readonly service: Schema;
}

/** `code` is gRPC's name. */
export type OnDraCall = (driver: string, method: string, code: string, durationMs: number) => void;

/** Half of the time after which kubelet tries again; upstream's. */
const CALL_TIMEOUT_MS = 45_000;

export function draPlugin(
  { driver, socketPath, service }: DRAPluginTarget,
  clock: Clock,
  onCall: OnDraCall,
): ConnectedDRAPlugin {
  const connection = connect(socketPath, clock, `the DRA driver ${driver}`);
  const call = async <T>(name: string, claims: readonly DraClaim[], signal: AbortSignal): Promise<T> => {
    const method = service.method("DRAPlugin", name);
    const startMs = clock.monotonicMs();
    let code = "OK";
    try {
      return (await connection.unary(method, { claims }, { signal, deadlineMs: CALL_TIMEOUT_MS })) as T;
    } catch (err) {
      code = err instanceof RuntimeError ? err.code : "Canceled";
      throw err;
    } finally {
      onCall(driver, method.path, code, clock.monotonicMs() - startMs);
    }
  };
  return {
    async prepare(claims, signal) {
      const answer = await call<Entries<PrepareResult>>("NodePrepareResources", claims, signal);
      return new Map(answer.claims.map(({ key, value }) => [key, value ?? { devices: [], error: "" }]));
    },
    async unprepare(claims, signal) {
      const answer = await call<Entries<{ readonly error: string }>>(
        "NodeUnprepareResources",
        claims,
        signal,
      );
      return new Map(answer.claims.map(({ key, value }) => [key, value?.error ?? ""]));
    },
    async *watchHealth(signal) {
      const method = draHealth.method("DRAResourceHealth", "NodeWatchResources");
      for await (const message of connection.serverStream(method, {}, { signal }))
        yield (message as { readonly devices: readonly PluginDeviceHealth[] }).devices;
    },
    keepConnected: (onChange, signal) => connection.keepConnected(onChange, signal),
    close: () => connection.close(),
  };
}

interface Entries<T> {
  readonly claims: readonly { readonly key: string; readonly value?: T }[];
}
