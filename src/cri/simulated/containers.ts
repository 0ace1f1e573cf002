/** Simulated containers: states, a scripted end, one line of log. @module */
import { appendFile, mkdir, stat } from "node:fs/promises";
import { dirname } from "node:path";
import type { ContainerConfig } from "../container.ts";
import { RuntimeError } from "../errors.ts";
import type { ContainerCalls, RuntimeService } from "../runtime.ts";
import { findImage } from "./images.ts";
import { planScript } from "./script.ts";
import {
  beginContainer,
  containerStatus,
  emit,
  endContainer,
  findContainer,
  findSandbox,
  hasLabels,
  listedContainer,
  now,
  type ContainerRecord,
  type State,
} from "./state.ts";

const KILLED = 137;

export function containerCalls(
  state: State,
  startDelayMs: number,
): ContainerCalls & Pick<RuntimeService, "execSync"> {
  return {
    createContainer: async (sandboxId, config) => createContainer(state, sandboxId, config),
    startContainer: (id, signal) => startContainer(state, id, startDelayMs, signal),
    stopContainer: async (id, timeoutSeconds) => {
      const container = state.containers.get(id);
      // A process that is asked to end does so, and with success; one that is killed cannot.
      if (container !== undefined) endContainer(state, container, timeoutSeconds > 0 ? 0 : KILLED);
    },
    removeContainer: async (id) => {
      const container = state.containers.get(id);
      if (container === undefined) return;
      endContainer(state, container, KILLED);
      removeContainerRecord(state, container);
    },
    listContainers: async (filter) => {
      const candidates =
        filter.id === undefined ? state.containers.values() : [state.containers.get(filter.id)];
      return [...candidates]
        .filter((container) => container !== undefined)
        .filter((container) => filter.state === undefined || filter.state === container.state)
        .filter(({ sandbox }) => filter.podSandboxId === undefined || filter.podSandboxId === sandbox.id)
        .filter((container) => hasLabels(container.config.labels, filter.labelSelector))
        .map(listedContainer);
    },
    containerStatus: async (id) => ({ status: containerStatus(findContainer(state, id)), info: {} }),
    updateContainerResources: async (id, { linux }) => {
      const container = findContainer(state, id);
      container.resources = { ...container.resources, ...linux };
    },
    reopenContainerLog: async (id) => running(state, id, "reopen the log of"),
    checkpointContainer: async () => {
      throw new RuntimeError("Unimplemented", "unknown method CheckpointContainer");
    },
    // Probes and hooks succeed: nothing runs that could fail them.
    execSync: async (id) => {
      running(state, id, "exec in");
      return { stdout: new Uint8Array(), stderr: new Uint8Array(), exitCode: 0 };
    },
  };
}

export function removeContainerRecord(state: State, container: ContainerRecord): void {
  container.timer?.cancel();
  container.sandbox.containers.delete(container);
  state.containers.delete(container.id);
  state.names.delete(containerName(container.sandbox.id, container.config));
  emit(state, "CONTAINER_DELETED_EVENT", container.id, container.sandbox);
}

function createContainer(state: State, sandboxId: string, config: ContainerConfig): string {
  const sandbox = findSandbox(state, sandboxId);
  if (sandbox.state !== "SANDBOX_READY")
    throw new RuntimeError("Unknown", `sandbox container "${sandboxId}" is not running`);
  const image = findImage(state, config.image.image);
  if (image === undefined)
    throw new RuntimeError("NotFound", `failed to resolve image "${config.image.image}": not found`);
  const name = containerName(sandboxId, config);
  const other = state.names.get(name);
  if (other !== undefined)
    throw new RuntimeError(
      "Unknown",
      `failed to reserve container name "${name}": it is reserved for "${other}"`,
    );
  const container: ContainerRecord = {
    id: state.newId(),
    sandbox,
    config,
    image,
    createdAt: now(state),
    startedAt: 0n,
    finishedAt: 0n,
    state: "CONTAINER_CREATED",
    exitCode: 0,
    reason: "",
    resources: config.linux?.resources,
    timer: undefined,
  };
  state.containers.set(container.id, container);
  state.names.set(name, container.id);
  sandbox.containers.add(container);
  emit(state, "CONTAINER_CREATED_EVENT", container.id, sandbox);
  return container.id;
}

async function startContainer(state: State, id: string, delayMs: number, signal: AbortSignal): Promise<void> {
  if (delayMs > 0) await state.clock.sleep(delayMs, signal);
  const container = findContainer(state, id);
  beginContainer(state, container, now(state));
  const script = planScript(container.config, container.sandbox.config.annotations ?? {});
  const { exit } = script;
  if (exit !== undefined)
    container.timer = state.clock.after(exit.afterMs, () => endContainer(state, container, exit.code));
  await writeLog(state, container, script.output);
}

/** Where nobody made a folder for logs, nobody reads them. */
async function writeLog(state: State, container: ContainerRecord, line: string): Promise<void> {
  const folder = container.sandbox.config.logDirectory;
  const { logPath } = containerStatus(container);
  if (folder === undefined || logPath === "") return;
  const exists = await stat(folder).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (!exists) return;
  await mkdir(dirname(logPath), { recursive: true });
  const at = new Date(state.clock.now()).toISOString().replace("Z", "000000Z");
  await appendFile(logPath, `${at} stdout F ${line}\n`);
}

function running(state: State, id: string, what: string): void {
  const container = findContainer(state, id);
  if (container.state !== "CONTAINER_RUNNING")
    throw new RuntimeError(
      "Unknown",
      `failed to ${what} container "${id}": it is in ${container.state} state`,
    );
}

function containerName(sandboxId: string, { metadata }: ContainerConfig): string {
  return `${metadata.name}_${sandboxId}_${metadata.attempt}`;
}
