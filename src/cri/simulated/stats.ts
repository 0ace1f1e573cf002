/** What simulated containers use: nothing, but they say so at the right time. @module */
import type { RuntimeService } from "../runtime.ts";
import type { ContainerStats, PodSandboxStats } from "../stats.ts";
import {
  findContainer,
  findSandbox,
  hasLabels,
  now,
  type ContainerRecord,
  type SandboxRecord,
  type State,
} from "./state.ts";

type StatsCalls = Pick<
  RuntimeService,
  "containerStats" | "listContainerStats" | "podSandboxStats" | "listPodSandboxStats"
>;

export function statsCalls(state: State): StatsCalls {
  return {
    containerStats: async (id) => containerStats(state, findContainer(state, id)),
    listContainerStats: async (filter) =>
      [...state.containers.values()]
        .filter(({ id, state: is }) => is === "CONTAINER_RUNNING" && (filter.id ?? id) === id)
        .filter(({ sandbox }) => (filter.podSandboxId ?? sandbox.id) === sandbox.id)
        .filter(({ config }) => hasLabels(config.labels, filter.labelSelector))
        .map((container) => containerStats(state, container)),
    podSandboxStats: async (id) => sandboxStats(state, findSandbox(state, id)),
    listPodSandboxStats: async (filter) =>
      [...state.sandboxes.values()]
        .filter(({ id, state: is }) => is === "SANDBOX_READY" && (filter.id ?? id) === id)
        .filter(({ config }) => hasLabels(config.labels, filter.labelSelector))
        .map((sandbox) => sandboxStats(state, sandbox)),
  };
}

function containerStats(state: State, { id, config }: ContainerRecord): ContainerStats {
  const { metadata, labels = {}, annotations = {} } = config;
  return { attributes: { id, metadata, labels, annotations }, ...usage(state) };
}

function sandboxStats(state: State, sandbox: SandboxRecord): PodSandboxStats {
  const { metadata, labels = {}, annotations = {} } = sandbox.config;
  const running = [...sandbox.containers].filter((container) => container.state === "CONTAINER_RUNNING");
  const containers = running.map((container) => containerStats(state, container));
  return {
    attributes: { id: sandbox.id, metadata, labels, annotations },
    linux: { ...usage(state), containers },
  };
}

function usage(state: State): Pick<ContainerStats, "cpu" | "memory"> {
  const timestamp = now(state);
  return {
    cpu: { timestamp, usageCoreNanoSeconds: 0, usageNanoCores: 0 },
    memory: { timestamp, workingSetBytes: 0, usageBytes: 0, rssBytes: 0, pageFaults: 0, majorPageFaults: 0 },
  };
}
