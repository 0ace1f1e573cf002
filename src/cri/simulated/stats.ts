/** What simulated containers use: always the same, told by what they asked for; it costs nothing. @module */
import { isQuantity, parseQuantity, quantityToNumber } from "#apimachinery";
import type { RuntimeService } from "../runtime.ts";
import type { LinuxContainerResources } from "../resources.ts";
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

/** On a pod: what all its containers use of CPU and memory, or with `.NAME` appended one of them. Quantities. */
const CPU_ANNOTATION = "k8ts.io/simulated-cpu";
const MEMORY_ANNOTATION = "k8ts.io/simulated-memory";
/** Of what was requested of CPU, or of the limit of memory: requests of memory are not told to runtimes. */
const USED = 0.5;
const SHARES_PER_CORE = 1024;
/** The least that a container is given: it requested nothing. */
const SHARES_MIN = 2;
const MEMORY_DEFAULT_BYTES = 16 * 1024 * 1024;
const NANOS = 1e9;

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

function containerStats(state: State, container: ContainerRecord): ContainerStats {
  const { id, config } = container;
  const { metadata, labels = {}, annotations = {} } = config;
  return { attributes: { id, metadata, labels, annotations }, ...usage(state, [container]) };
}

function sandboxStats(state: State, sandbox: SandboxRecord): PodSandboxStats {
  const { metadata, labels = {}, annotations = {} } = sandbox.config;
  const running = [...sandbox.containers].filter((container) => container.state === "CONTAINER_RUNNING");
  const containers = running.map((container) => containerStats(state, container));
  return {
    attributes: { id: sandbox.id, metadata, labels, annotations },
    linux: { ...usage(state, running), containers },
  };
}

/** Of containers that run, together. */
function usage(
  state: State,
  running: readonly ContainerRecord[],
): Required<Pick<ContainerStats, "cpu" | "memory">> {
  const timestamp = now(state);
  let cores = 0;
  let coreNanoSeconds = 0;
  let workingSetBytes = 0;
  for (const container of running) {
    const ofCpu = coresOf(container);
    cores += ofCpu;
    coreNanoSeconds += ofCpu * Number(timestamp - container.startedAt);
    workingSetBytes += memoryOf(container);
  }
  return {
    cpu: {
      timestamp,
      usageCoreNanoSeconds: Math.round(coreNanoSeconds),
      usageNanoCores: Math.round(cores * NANOS),
    },
    memory: {
      timestamp,
      workingSetBytes,
      usageBytes: workingSetBytes,
      rssBytes: workingSetBytes,
      pageFaults: 0,
      majorPageFaults: 0,
    },
  };
}

function coresOf(container: ContainerRecord): number {
  const shares = resourcesOf(container)?.cpuShares ?? SHARES_MIN;
  return (
    annotated(container, CPU_ANNOTATION) ?? (shares <= SHARES_MIN ? 0 : (shares / SHARES_PER_CORE) * USED)
  );
}

function memoryOf(container: ContainerRecord): number {
  const limit = resourcesOf(container)?.memoryLimitInBytes ?? 0;
  return (
    annotated(container, MEMORY_ANNOTATION) ?? (limit > 0 ? Math.round(limit * USED) : MEMORY_DEFAULT_BYTES)
  );
}

function resourcesOf({ resources, config }: ContainerRecord): LinuxContainerResources | undefined {
  return resources ?? config.linux?.resources;
}

/** Undefined without the annotation, or when it is no quantity of at least 0. */
function annotated({ config, sandbox }: ContainerRecord, annotation: string): number | undefined {
  const { annotations = {} } = sandbox.config;
  const text = annotations[`${annotation}.${config.metadata.name}`] ?? annotations[annotation];
  if (text === undefined || !isQuantity(text)) return undefined;
  return Math.max(0, quantityToNumber(parseQuantity(text)));
}
