/** CRI v1 spoken to a runtime's socket: containerd, or any other runtime that serves it. @module */
import type { Clock, Logger } from "#apimachinery";
import { RuntimeError, isRuntimeNotFound } from "../errors.ts";
import type { Image, ImageStatusResponse } from "../image.ts";
import { PAUSE_IMAGE } from "../pause/image.ts";
import type { ContainerCalls, ImageService, Runtime, RuntimeService, SandboxCalls } from "../runtime.ts";
import { connect, type Connection } from "./connection.ts";
import { containerEvents } from "./events.ts";
import { imageMounts } from "./image-mounts.ts";
import { cri } from "./wire/cri.gen.ts";
import { createSchema, type Schema } from "./wire/schema.ts";

/** Kubelet's runtimeRequestTimeout. */
const CALL_TIMEOUT_MS = 120_000;

export interface ContainerdRuntimeOptions {
  readonly socketPath: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Images shown as pinned, which kubelet never removes: containerd 1.6 cannot say so itself. */
  readonly pinnedImages?: readonly string[];
}

type Call = (
  method: string,
  request: object,
  signal: AbortSignal,
  deadlineMs?: number | "none",
) => Promise<Readonly<Record<string, unknown>>>;

/** Does nothing until the first call; each call fails with Unavailable while nobody listens. */
export function createContainerdRuntime(options: ContainerdRuntimeOptions): Runtime {
  const connection = connect(options.socketPath, options.clock);
  const schema = createSchema(cri);
  const runtime = caller(connection, schema, "RuntimeService");
  const containers = containerCalls(runtime);
  const sandboxes = sandboxCalls(runtime);
  const images = caller(connection, schema, "ImageService");
  const node = nodeCalls(runtime);
  const imageService = imageCalls(images, options.pinnedImages ?? [PAUSE_IMAGE]);
  return {
    ...node,
    ...sandboxes,
    ...containers,
    ...streamCalls(runtime),
    ...statsCalls(runtime),
    ...imageService,
    imageMounts: imageMounts(connection, { ...node, ...imageService }),
    containerEvents: (signal) =>
      containerEvents({ connection, schema, runtime: { ...containers, ...sandboxes }, ...options }, signal),
    // oxlint-disable-next-line typescript/require-await -- the contract allows implementations that wait
    close: async () => connection.close(),
  };
}

function caller(connection: Connection, schema: Schema, service: string): Call {
  return async (name, request, signal, deadlineMs = CALL_TIMEOUT_MS) => {
    const settings = { signal, deadlineMs: deadlineMs === "none" ? undefined : deadlineMs };
    const response = await connection.unary(schema.method(service, name), request, settings);
    return response as Readonly<Record<string, unknown>>;
  };
}

/** CRI asks runtimes to take the stop or removal of what is gone for done; containerd does not always. */
async function unlessGone(calling: Promise<unknown>): Promise<void> {
  try {
    await calling;
  } catch (err) {
    if (!isRuntimeNotFound(err)) throw err;
  }
}

/** A field that CRI promises in the response; the caller's return type says which type. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- inferred from the contract
function required<T>(response: Readonly<Record<string, unknown>>, field: string): T {
  const value = response[field];
  if (value === undefined) throw new RuntimeError("Internal", `The runtime's answer has no ${field}`);
  return value as T;
}

type NodeCalls = Pick<RuntimeService, "version" | "status" | "runtimeConfig" | "updateRuntimeConfig">;

function nodeCalls(call: Call): NodeCalls {
  return {
    version: async (signal) => asResponse(await call("Version", { version: "v1" }, signal)),
    status: async (options, signal) => asResponse(await call("Status", options, signal)),
    runtimeConfig: async (signal) => asResponse(await call("RuntimeConfig", {}, signal)),
    updateRuntimeConfig: async ({ podCidr }, signal) => {
      await call("UpdateRuntimeConfig", { runtimeConfig: { networkConfig: { podCidr } } }, signal);
    },
  };
}

function sandboxCalls(call: Call): SandboxCalls {
  return {
    runPodSandbox: async (config, runtimeHandler, signal) =>
      required(
        // Twice the usual limit, as in kubelet: setting up a network may take long.
        await call("RunPodSandbox", { config, runtimeHandler }, signal, 2 * CALL_TIMEOUT_MS),
        "podSandboxId",
      ),
    stopPodSandbox: async (podSandboxId, signal) => {
      await unlessGone(call("StopPodSandbox", { podSandboxId }, signal));
    },
    removePodSandbox: async (podSandboxId, signal) => {
      await unlessGone(call("RemovePodSandbox", { podSandboxId }, signal));
    },
    podSandboxStatus: async (podSandboxId, options, signal) => {
      const response = await call("PodSandboxStatus", { podSandboxId, ...options }, signal);
      required(response, "status");
      return asResponse(response);
    },
    listPodSandbox: async (filter, signal) =>
      required(await call("ListPodSandbox", { filter }, signal), "items"),
    updatePodSandboxResources: async (podSandboxId, resources, signal) => {
      await call("UpdatePodSandboxResources", { podSandboxId, ...resources }, signal);
    },
  };
}

function containerCalls(call: Call): ContainerCalls {
  return {
    createContainer: async (podSandboxId, config, sandboxConfig, signal) =>
      required(await call("CreateContainer", { podSandboxId, config, sandboxConfig }, signal), "containerId"),
    startContainer: async (containerId, signal) => {
      await call("StartContainer", { containerId }, signal);
    },
    stopContainer: async (containerId, timeoutSeconds, signal) => {
      const deadlineMs = CALL_TIMEOUT_MS + timeoutSeconds * 1_000;
      await unlessGone(call("StopContainer", { containerId, timeout: timeoutSeconds }, signal, deadlineMs));
    },
    removeContainer: async (containerId, signal) => {
      await unlessGone(call("RemoveContainer", { containerId }, signal));
    },
    listContainers: async (filter, signal) =>
      required(await call("ListContainers", { filter }, signal), "containers"),
    containerStatus: async (containerId, options, signal) => {
      const response = await call("ContainerStatus", { containerId, ...options }, signal);
      required(response, "status");
      return asResponse(response);
    },
    updateContainerResources: async (containerId, resources, signal) => {
      await call("UpdateContainerResources", { containerId, ...resources }, signal);
    },
    reopenContainerLog: async (containerId, signal) => {
      await call("ReopenContainerLog", { containerId }, signal);
    },
    checkpointContainer: async (containerId, { location, timeoutSeconds }, signal) => {
      const deadlineMs = CALL_TIMEOUT_MS + timeoutSeconds * 1_000;
      await call(
        "CheckpointContainer",
        { containerId, location, timeout: timeoutSeconds },
        signal,
        deadlineMs,
      );
    },
  };
}

type StreamCalls = Pick<RuntimeService, "execSync" | "exec" | "attach" | "portForward">;

function streamCalls(call: Call): StreamCalls {
  return {
    execSync: async (containerId, cmd, timeoutSeconds, signal) => {
      // 0 means that the command may run for ever; otherwise the runtime keeps the time, and we a longer one.
      const deadlineMs = timeoutSeconds === 0 ? "none" : CALL_TIMEOUT_MS + timeoutSeconds * 1_000;
      const request = { containerId, cmd, timeout: timeoutSeconds };
      return asResponse(await call("ExecSync", request, signal, deadlineMs));
    },
    exec: async (request, signal) => asResponse(await call("Exec", request, signal)),
    attach: async (request, signal) => asResponse(await call("Attach", request, signal)),
    portForward: async (request, signal) => asResponse(await call("PortForward", request, signal)),
  };
}

type StatsCalls = Pick<
  RuntimeService,
  "containerStats" | "listContainerStats" | "podSandboxStats" | "listPodSandboxStats"
>;

function statsCalls(call: Call): StatsCalls {
  return {
    containerStats: async (containerId, signal) =>
      required(await call("ContainerStats", { containerId }, signal), "stats"),
    listContainerStats: async (filter, signal) =>
      required(await call("ListContainerStats", { filter }, signal), "stats"),
    podSandboxStats: async (podSandboxId, signal) =>
      required(await call("PodSandboxStats", { podSandboxId }, signal), "stats"),
    listPodSandboxStats: async (filter, signal) =>
      required(await call("ListPodSandboxStats", { filter }, signal), "stats"),
  };
}

function imageCalls(call: Call, pinnedImages: readonly string[]): ImageService {
  const withPin = (image: Image): Image =>
    image.repoTags.some((tag) => pinnedImages.includes(tag)) ? { ...image, pinned: true } : image;
  return {
    listImages: async (filter, signal) => {
      const images: readonly Image[] = required(await call("ListImages", { filter }, signal), "images");
      return images.map(withPin);
    },
    imageStatus: async (image, options, signal) => {
      const response: ImageStatusResponse = asResponse(
        await call("ImageStatus", { image, ...options }, signal),
      );
      return response.image === undefined ? response : { ...response, image: withPin(response.image) };
    },
    // No limit of ours: a pull takes what the network takes, and kubelet watches over it.
    pullImage: async (image, auth, sandboxConfig, signal) =>
      required(await call("PullImage", { image, auth, sandboxConfig }, signal, "none"), "imageRef"),
    removeImage: async (image, signal) => {
      await unlessGone(call("RemoveImage", { image }, signal));
    },
    imageFsInfo: async (signal) => asResponse(await call("ImageFsInfo", {}, signal)),
  };
}

/** The codec gives every field that the table names; the contract's types are that table in TypeScript. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- inferred from the contract
function asResponse<T>(response: Readonly<Record<string, unknown>>): T {
  return response as T;
}
