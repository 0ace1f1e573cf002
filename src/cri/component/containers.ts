/** Containers of components: running as long as the process; their probes ask the component itself. @module */
import { deadline, messageOf } from "#apimachinery";
import { RuntimeError } from "../errors.ts";
import type { ExecSyncResponse } from "../container.ts";
import type { RuntimeService } from "../runtime.ts";
import { msToNanos } from "../sandbox.ts";
import { beginContainer, findContainer } from "../simulated/state.ts";
import type { Component, ComponentState } from "./component-runtime.ts";
import { ensureImage } from "./images.ts";
import { noContainer } from "./sandboxes.ts";

/** For a caller who sets no limit. */
const CHECK_SECONDS_MAX = 60;

type ContainerCalls = Pick<
  RuntimeService,
  | "createContainer"
  | "startContainer"
  | "stopContainer"
  | "removeContainer"
  | "containerStatus"
  | "updateContainerResources"
  | "reopenContainerLog"
  | "checkpointContainer"
  | "containerStats"
  | "execSync"
  | "exec"
  | "attach"
>;

export function containerCalls(state: ComponentState): ContainerCalls {
  const { own, runtime, records } = state;
  const isOwn = (id: string): boolean => records.containers.has(id);
  const of = (id: string): RuntimeService => (isOwn(id) ? own : runtime);
  return {
    createContainer: async (sandboxId, config, sandboxConfig, signal) => {
      if (!records.sandboxes.has(sandboxId))
        return runtime.createContainer(sandboxId, config, sandboxConfig, signal);
      findComponent(state, config.metadata.name);
      ensureImage(state, config.image.image);
      return own.createContainer(sandboxId, config, sandboxConfig, signal);
    },
    startContainer: async (id, signal) => (isOwn(id) ? start(state, id) : runtime.startContainer(id, signal)),
    stopContainer: (id, timeout, signal) => of(id).stopContainer(id, timeout, signal),
    removeContainer: (id, signal) => of(id).removeContainer(id, signal),
    containerStatus: (id, options, signal) => of(id).containerStatus(id, options, signal),
    updateContainerResources: (id, resources, signal) =>
      of(id).updateContainerResources(id, resources, signal),
    reopenContainerLog: (id, signal) => of(id).reopenContainerLog(id, signal),
    checkpointContainer: (id, options, signal) => of(id).checkpointContainer(id, options, signal),
    containerStats: (id, signal) => of(id).containerStats(id, signal),
    execSync: async (id, cmd, timeout, signal) => {
      if (!isOwn(id)) return runtime.execSync(id, cmd, timeout, signal);
      const component = findComponent(state, findContainer(records, id).config.metadata.name);
      return checkComponent(component, cmd, timeout, state, signal);
    },
    exec: async (request, signal) => {
      if (isOwn(request.containerId)) throw noContainer("exec in");
      return runtime.exec(request, signal);
    },
    attach: async (request, signal) => {
      if (isOwn(request.containerId)) throw noContainer("attach to");
      return runtime.attach(request, signal);
    },
  };
}

function findComponent({ components }: ComponentState, name: string): Component {
  const component = components.find((one) => one.name === name);
  if (component === undefined)
    throw new RuntimeError("NotFound", `the cluster has no component ${name} on this node`);
  return component;
}

/** A probe can ask nothing but this, whatever its command. */
async function checkComponent(
  component: Component,
  cmd: readonly string[],
  timeoutSeconds: number,
  { clock }: ComponentState,
  signal: AbortSignal,
): Promise<ExecSyncResponse> {
  const late = new RuntimeError("DeadlineExceeded", `command ${JSON.stringify(cmd.join(" "))} timed out`);
  using limit = deadline(clock, (timeoutSeconds > 0 ? timeoutSeconds : CHECK_SECONDS_MAX) * 1_000, late);
  const stderr = await component.check(AbortSignal.any([signal, limit.signal])).then(
    () => undefined,
    (err: unknown) => {
      signal.throwIfAborted();
      limit.signal.throwIfAborted();
      return Buffer.from(messageOf(err));
    },
  );
  return {
    stdout: new Uint8Array(),
    stderr: stderr ?? new Uint8Array(),
    exitCode: stderr === undefined ? 0 : 1,
  };
}

function start(state: ComponentState, id: string): void {
  const container = findContainer(state.records, id);
  const component = findComponent(state, container.config.metadata.name);
  beginContainer(state.records, container, msToNanos(component.startedAt));
}
