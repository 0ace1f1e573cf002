/** Simulated sandboxes: an address each. @module */
import { RuntimeError } from "../errors.ts";
import type { SandboxCalls } from "../runtime.ts";
import type { PodSandboxConfig } from "../sandbox.ts";
import { removeContainerRecord } from "./containers.ts";
import {
  emit,
  endContainer,
  findSandbox,
  hasLabels,
  now,
  podSandbox,
  sandboxStatus,
  type SandboxRecord,
  type State,
} from "./state.ts";

/** 128 + SIGKILL: what stopping a sandbox does to what still runs in it. */
const KILLED = 137;

/** `k8ts-component`: see component/component-runtime.ts, which keeps its records here. */
const HANDLERS: ReadonlySet<string> = new Set(["", "simulated", "k8ts-component"]);

export function sandboxCalls(state: State): SandboxCalls {
  return {
    runPodSandbox: async (config, runtimeHandler) => runPodSandbox(state, config, runtimeHandler),
    stopPodSandbox: async (id) => {
      const sandbox = state.sandboxes.get(id);
      if (sandbox !== undefined) stopSandbox(state, sandbox);
    },
    removePodSandbox: async (id) => {
      const sandbox = state.sandboxes.get(id);
      if (sandbox === undefined) return;
      stopSandbox(state, sandbox);
      for (const container of sandbox.containers) removeContainerRecord(state, container);
      state.sandboxes.delete(id);
      state.names.delete(sandboxName(sandbox.config));
      emit(state, "CONTAINER_DELETED_EVENT", id, sandbox);
    },
    podSandboxStatus: async (id) => {
      const status = sandboxStatus(findSandbox(state, id));
      return { status, info: {}, containersStatuses: [], timestamp: now(state) };
    },
    listPodSandbox: async (filter) => {
      const candidates =
        filter.id === undefined ? state.sandboxes.values() : [state.sandboxes.get(filter.id)];
      return [...candidates]
        .filter((sandbox) => sandbox !== undefined)
        .filter((sandbox) => filter.state === undefined || filter.state === sandbox.state)
        .filter((sandbox) => hasLabels(sandbox.config.labels, filter.labelSelector))
        .map(podSandbox);
    },
    updatePodSandboxResources: async (id) => void findSandbox(state, id),
  };
}

function runPodSandbox(state: State, config: PodSandboxConfig, runtimeHandler: string): string {
  const name = sandboxName(config);
  const other = state.names.get(name);
  if (other !== undefined)
    throw new RuntimeError(
      "Unknown",
      `failed to reserve sandbox name "${name}": it is reserved for "${other}"`,
    );
  if (!HANDLERS.has(runtimeHandler))
    throw new RuntimeError("Unknown", `no runtime for "${runtimeHandler}" is configured`);
  const onNodeNetwork = config.linux?.securityContext?.namespaceOptions?.network === "NODE";
  if (!onNodeNetwork && state.pool === undefined)
    throw new RuntimeError("Unknown", "network plugin is not ready: the node has no pod network yet");
  const sandbox: SandboxRecord = {
    id: state.newId(),
    config,
    runtimeHandler,
    createdAt: now(state),
    address: onNodeNetwork ? undefined : state.pool?.take(),
    state: "SANDBOX_READY",
    containers: new Set(),
  };
  state.sandboxes.set(sandbox.id, sandbox);
  state.names.set(name, sandbox.id);
  emit(state, "CONTAINER_CREATED_EVENT", sandbox.id, sandbox);
  emit(state, "CONTAINER_STARTED_EVENT", sandbox.id, sandbox);
  return sandbox.id;
}

function sandboxName({ metadata }: PodSandboxConfig): string {
  return `${metadata.name}_${metadata.namespace}_${metadata.uid}_${metadata.attempt}`;
}

function stopSandbox(state: State, sandbox: SandboxRecord): void {
  for (const container of sandbox.containers) endContainer(state, container, KILLED);
  if (sandbox.state === "SANDBOX_NOTREADY") return;
  sandbox.state = "SANDBOX_NOTREADY";
  if (sandbox.address !== undefined) state.pool?.give(sandbox.address);
  sandbox.address = undefined;
  emit(state, "CONTAINER_STOPPED_EVENT", sandbox.id, sandbox);
}
