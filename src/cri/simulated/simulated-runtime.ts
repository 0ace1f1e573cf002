/**
 * A runtime that runs nothing: sandboxes get addresses, containers get states, and both keep every promise of the
 * contract. For machines without root or Linux, for tests, and for thousands of pods on one processor.
 * @module
 */
import { randomBytes } from "node:crypto";
import type { Clock } from "#apimachinery";
import type { ContainerEvent } from "../container.ts";
import { queue } from "../event-queue.ts";
import { RuntimeError } from "../errors.ts";
import type { Runtime, RuntimeService } from "../runtime.ts";
import { addressPool } from "./addresses.ts";
import { containerCalls } from "./containers.ts";
import { imageCalls } from "./images.ts";
import { sandboxCalls } from "./sandboxes.ts";
import type { State } from "./state.ts";
import { statsCalls } from "./stats.ts";

/** A listener further behind gets a resync. */
const QUEUED_EVENTS_MAX = 65_536;

export interface SimulatedRuntimeOptions {
  readonly clock: Clock;
  /** The pod network; without it the network is not ready until `updateRuntimeConfig` tells. */
  readonly podCidr?: string;
  /** How long startContainer takes. */
  readonly startDelayMs?: number;
  /** Whether the registry has an image; everything by default. Given a canonical reference. */
  readonly canPull?: (reference: string) => boolean;
  readonly newId?: () => string;
}

export function createSimulatedRuntime(options: SimulatedRuntimeOptions): Runtime {
  return simulatedRuntime(createState(options), options);
}

/** For runtimes that keep their records in the same way. */
export function createState(options: Pick<SimulatedRuntimeOptions, "clock" | "newId" | "podCidr">): State {
  return {
    clock: options.clock,
    newId: options.newId ?? (() => randomBytes(32).toString("hex")),
    sandboxes: new Map(),
    names: new Map(),
    containers: new Map(),
    images: new Map(),
    listeners: new Set(),
    pool: options.podCidr === undefined ? undefined : addressPool(options.podCidr),
  };
}

export function simulatedRuntime(
  state: State,
  options: Pick<SimulatedRuntimeOptions, "startDelayMs" | "canPull">,
): Runtime {
  return {
    ...nodeCalls(state),
    ...sandboxCalls(state),
    ...containerCalls(state, options.startDelayMs ?? 0),
    ...statsCalls(state),
    ...imageCalls(state, options.canPull ?? (() => true)),
    exec: () => nothingToTalkTo("exec"),
    attach: () => nothingToTalkTo("attach"),
    portForward: () => nothingToTalkTo("port-forward"),
    containerEvents: (signal) => events(state, signal),
    close: () => {
      for (const container of state.containers.values()) container.timer?.cancel();
      return Promise.resolve();
    },
  };
}

function nothingToTalkTo(what: string): Promise<never> {
  const message = `Cannot ${what}: this node's runtime is simulated, no process runs in its containers`;
  return Promise.reject(new RuntimeError("Unimplemented", message));
}

type NodeCalls = Pick<RuntimeService, "version" | "status" | "runtimeConfig" | "updateRuntimeConfig">;

function nodeCalls(state: State): NodeCalls {
  return {
    version: async () => ({
      version: "0.1.0",
      runtimeName: "simulated",
      runtimeVersion: "1.0.0",
      runtimeApiVersion: "v1",
    }),
    status: async () => {
      const isReady = state.pool !== undefined;
      const network = isReady
        ? { reason: "", message: "" }
        : { reason: "NetworkPluginNotReady", message: "the node has no pod network yet" };
      const conditions = [
        { type: "RuntimeReady", status: true, reason: "", message: "" },
        { type: "NetworkReady", status: isReady, ...network },
      ];
      return { status: { conditions }, info: {}, runtimeHandlers: [] };
    },
    runtimeConfig: async () => ({ linux: { cgroupDriver: "CGROUPFS" } }),
    updateRuntimeConfig: async ({ podCidr }) => {
      // As with real plugins: sandboxes that stand keep the addresses that they have.
      if (podCidr !== "") state.pool ??= addressPool(podCidr.split(",")[0]!);
    },
  };
}

async function* events(state: State, signal: AbortSignal): AsyncIterable<ContainerEvent | "resync"> {
  const listener = queue<ContainerEvent | "resync">(QUEUED_EVENTS_MAX, "resync");
  listener.push("resync");
  state.listeners.add(listener);
  try {
    yield* listener.drain(signal);
  } finally {
    state.listeners.delete(listener);
  }
}
