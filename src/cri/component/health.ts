/** Ends the containers of components that were restarted, and keeps their logs flowing. @module */
import { pause } from "#apimachinery";
import { msToNanos } from "../sandbox.ts";
import { containerStatus, endContainer, type ContainerRecord } from "../simulated/state.ts";
import type { Component, ComponentState } from "./component-runtime.ts";
import { createLogCopy, type LogCopy } from "./log-copy.ts";

const PERIOD_MS = 1_000;
/** What a process that died of its own gives. */
const FAILED = 1;

/** Until the signal aborts. */
export async function watchHealth(state: ComponentState, signal: AbortSignal): Promise<void> {
  const logs = new Map<ContainerRecord, LogCopy>();
  while (!signal.aborted) {
    await look(state, logs);
    await pause(state.clock, PERIOD_MS, signal);
  }
}

async function look(state: ComponentState, logs: Map<ContainerRecord, LogCopy>): Promise<void> {
  for (const container of state.records.containers.values()) {
    const component = state.components.find((one) => one.name === container.config.metadata.name);
    if (container.state !== "CONTAINER_RUNNING") continue;
    if (!logs.has(container)) logs.set(container, copyOf(container, component, state));
    await logs.get(container)!.copy();
    if (component === undefined || hasEnded(container, component))
      endContainer(state.records, container, FAILED);
  }
  for (const container of logs.keys()) if (container.state !== "CONTAINER_RUNNING") logs.delete(container);
}

function hasEnded({ startedAt }: ContainerRecord, component: Component): boolean {
  return msToNanos(component.startedAt) !== startedAt;
}

function copyOf(
  container: ContainerRecord,
  component: Component | undefined,
  state: ComponentState,
): LogCopy {
  const { logPath } = containerStatus(container);
  const log = createLogCopy(component?.logPath, logPath, state.clock);
  let hasFailed = false;
  return {
    async copy() {
      try {
        await log.copy();
        hasFailed = false;
      } catch (err) {
        // A log that cannot be copied is no reason to stop showing the component; once is enough to say so.
        if (!hasFailed) state.logger.warn("Cannot copy the log of a component", { err, logPath });
        hasFailed = true;
      }
    },
  };
}
