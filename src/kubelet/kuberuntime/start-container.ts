/** Starts one container: its image, its configuration, create, start, postStart. @module */
import type { Container, Pod, Secret } from "#api/core/v1/types.gen";
import type { ImageMounts, PodSandboxConfig, UserNamespace } from "#cri";
import { RuntimeError } from "#cri";
import { describeError } from "../container/describe-error.ts";
import type { ResourcePolicy } from "../container/resources.ts";
import { fieldPathOf, specOf, uidOf } from "../container/pod-spec.ts";
import { findContainer, type RuntimePod } from "../container/runtime-pod.ts";
import type { ContainerDevices } from "../cdi/container-devices.ts";
import { ConfigError, makeEnvironment } from "../env/make-environment.ts";
import type { NodeCapacity, ObjectSource } from "../env/types.ts";
import type { EnsuredImage, ImageManager } from "../images/image-manager.ts";
import { HTTP_FALLBACK, httpFallback, runHook } from "../lifecycle/run-hook.ts";
import type { FileInside, VolumeHost } from "../platform/platform.ts";
import type { MountedVolumes } from "../volumes/mounted-volume.ts";
import { containerConfig } from "./container-config.ts";
import { imageVolumeCount, withImageVolumes } from "./image-volumes.ts";
import { killContainer, type Killer } from "./kill-pod.ts";
import { type NodePaths, podLogDir } from "./paths.ts";
import { StartError } from "./start-error.ts";

/** What is the same for every container of the node. */
export interface ContainerStarter {
  readonly killer: Killer;
  readonly images: ImageManager;
  readonly objects: ObjectSource;
  readonly devices: ContainerDevices;
  readonly host: VolumeHost;
  /** Absent: the runtime mounts images itself. */
  readonly imageMounts?: ImageMounts;
  /** Whether the runtime handler of that name can mount so. */
  readonly recursiveReadOnlyMounts: (handler: string) => boolean;
  /** Containers that name no seccomp profile get the runtime's. */
  readonly seccompDefault: boolean;
  /** A container is about to be started; with a reason: it could not be. */
  readonly onStart?: (containerType: string, failure: string | undefined) => void;
  /** What becomes of the images that containers mount. */
  readonly onImageVolume?: (what: "requested" | "mounted" | "failed") => void;
  readonly paths: NodePaths;
  readonly clusterDomain: string;
  readonly hostIPs: readonly string[];
  readonly node: NodeCapacity & ResourcePolicy;
}

export interface StartInput {
  readonly pod: Pod;
  readonly container: Container;
  readonly runtimePod: RuntimePod;
  readonly sandboxId: string;
  readonly sandboxConfig: PodSandboxConfig;
  readonly podIPs: readonly string[];
  readonly volumes: MountedVolumes;
  readonly pullSecrets: readonly Secret[];
  readonly runtimeHandler: string;
  /** Of an ephemeral container: whose processes it shares. */
  readonly targetContainerName?: string;
}

const ENV_FILE_BYTES_MAX = 1024 * 1024;

/** Throws `StartError`. */
export async function startContainer(
  starter: ContainerStarter,
  input: StartInput,
  signal: AbortSignal,
): Promise<string> {
  const type = containerType(input);
  starter.onStart?.(type, undefined);
  try {
    return await start(starter, input, signal);
  } catch (err) {
    if (err instanceof StartError && !signal.aborted) starter.onStart?.(type, err.reason);
    throw err;
  }
}

function containerType({ pod, container: { name } }: StartInput): string {
  const isIn = (list: readonly { readonly name: string }[] = []): boolean =>
    list.some((one) => one.name === name);
  if (isIn(specOf(pod).initContainers)) return "init_container";
  return isIn(specOf(pod).ephemeralContainers) ? "ephemeral_container" : "container";
}

async function start(starter: ContainerStarter, input: StartInput, signal: AbortSignal): Promise<string> {
  const { runtime } = starter.killer;
  const image = await ensureImage(starter, input, signal);
  const volumes = await ensureImageVolumes(starter, input, signal);
  const restartCount = await nextRestartCount(starter, input);
  const config = await attempt(starter, input, "CreateContainerConfigError", signal, () =>
    configOf(starter, { ...input, volumes }, image, restartCount, signal),
  );
  const logDir = `${podLogDir(starter.paths, input.pod)}/${input.container.name}`;
  await attempt(starter, input, "CreateContainerConfigError", signal, () =>
    starter.host.makeDir(logDir, 0o755),
  );
  const id = await attempt(starter, input, "CreateContainerError", signal, () =>
    runtime.createContainer(input.sandboxId, config, input.sandboxConfig, signal),
  );
  for (let i = imageVolumeCount(input); i > 0; i--) starter.onImageVolume?.("mounted");
  event(starter, input, "Normal", "Created", "Container created");
  await attempt(starter, input, "RunContainerError", signal, () => runtime.startContainer(id, signal));
  event(starter, input, "Normal", "Started", "Container started");
  await postStart(starter, input, id, signal);
  return id;
}

async function ensureImageVolumes(
  starter: ContainerStarter,
  input: StartInput,
  signal: AbortSignal,
): Promise<MountedVolumes> {
  try {
    return await withImageVolumes(starter, input, signal);
  } catch (err) {
    signal.throwIfAborted();
    const reason = err instanceof StartError ? err.reason : "CreateContainerError";
    event(starter, input, "Warning", "Failed", `Error: ${reason}`);
    if (err instanceof StartError) throw err;
    throw new StartError(reason, describeError(err), { cause: err, attempted: true });
  }
}

async function ensureImage(
  starter: ContainerStarter,
  { pod, container, pullSecrets, sandboxConfig }: StartInput,
  signal: AbortSignal,
): Promise<EnsuredImage> {
  try {
    return await starter.images.ensure({ pod, container, pullSecrets, sandboxConfig }, signal);
  } catch (err) {
    if (err instanceof StartError) {
      event(starter, { pod, container }, "Warning", "Failed", `Error: ${err.reason}`);
    }
    throw err;
  }
}

/** Continues the numbers of log files, also after the runtime has forgotten its containers. */
async function nextRestartCount(
  { host, paths }: ContainerStarter,
  { pod, container, runtimePod }: StartInput,
): Promise<number> {
  const last = findContainer(runtimePod, container.name);
  if (last !== undefined) return last.restartCount + 1;
  const names = await host.list(`${podLogDir(paths, pod)}/${container.name}`);
  const numbers = names.flatMap((name) => /^(\d+)\.log/u.exec(name)?.[1] ?? []).map(Number);
  return numbers.length === 0 ? 0 : Math.max(...numbers) + 1;
}

async function configOf(
  starter: ContainerStarter,
  input: StartInput,
  image: EnsuredImage,
  restartCount: number,
  signal: AbortSignal,
): ReturnType<typeof containerConfig> {
  const { objects, host, paths, clusterDomain, hostIPs, node } = starter;
  const { pod, container, podIPs, volumes, runtimePod, targetContainerName } = input;
  const readVolumeFile = async (volumeName: string, path: string): Promise<FileInside> => {
    const volume = volumes.get(volumeName);
    if (volume !== undefined) return host.readInside(volume.path, path, ENV_FILE_BYTES_MAX);
    throw new ConfigError(`cannot find the volume ${JSON.stringify(volumeName)} referenced by FileKeyRef`);
  };
  const addresses = { podIPs: specOf(pod).hostNetwork === true ? hostIPs : podIPs, hostIPs };
  const devices = await starter.devices.runOptions(pod, container, signal);
  const own = await makeEnvironment({ pod, container, addresses, objects, node, readVolumeFile }, signal);
  const env = new Map([...(devices?.envs ?? []), ...own]);
  const target =
    targetContainerName === undefined || targetContainerName === ""
      ? undefined
      : findContainer(runtimePod, targetContainerName);
  if (targetContainerName !== undefined && targetContainerName !== "" && target === undefined) {
    throw new ConfigError(`unable to find target container ${targetContainerName}`);
  }
  return containerConfig({
    pod,
    container,
    restartCount,
    env,
    devices,
    imageRef: image.ref,
    imageUser: image.user,
    podIPs,
    volumes,
    host,
    paths,
    clusterDomain,
    resourcePolicy: node,
    recursiveReadOnlyMounts: starter.recursiveReadOnlyMounts(input.runtimeHandler),
    seccompDefault: starter.seccompDefault,
    ...userNamespaceOf(input.sandboxConfig),
    ...(target !== undefined && { targetId: target.id }),
  });
}

function userNamespaceOf({ linux }: PodSandboxConfig): { readonly userNamespace?: UserNamespace } {
  const userNamespace = linux?.securityContext?.namespaceOptions?.usernsOptions;
  return userNamespace === undefined ? {} : { userNamespace };
}

async function postStart(
  starter: ContainerStarter,
  input: StartInput,
  id: string,
  signal: AbortSignal,
): Promise<void> {
  const { pod, container, podIPs } = input;
  const handler = container.lifecycle?.postStart;
  if (handler === undefined) return;
  const { logger } = starter.killer;
  const podIP = podIPs[0] ?? "";
  try {
    const onFallback = (host: string): void =>
      event(starter, input, "Warning", HTTP_FALLBACK, httpFallback(host));
    await runHook({ handler, container, containerId: id, podIP, tools: starter.killer, onFallback }, signal);
  } catch (err) {
    signal.throwIfAborted();
    logger.info("PostStart hook failed", { pod: uidOf(pod), container: container.name, err });
    // Not its output: that may hold secrets.
    event(starter, input, "Warning", "FailedPostStartHook", "PostStartHook failed");
    const kill = { pod, container, id, name: container.name, podIP, message: "FailedPostStartHook" } as const;
    await killContainer(starter.killer, { ...kill, reason: "FailedPostStartHook" }, signal);
    throw new StartError("PostStartHookError", (err as Error).message, { cause: err });
  }
}

/** Runs one step; a failure becomes an event and the container's reason to wait. */
async function attempt<R>(
  starter: ContainerStarter,
  input: StartInput,
  reason: StartError["reason"],
  signal: AbortSignal,
  step: () => Promise<R>,
): Promise<R> {
  try {
    return await step();
  } catch (err) {
    signal.throwIfAborted();
    const message = err instanceof RuntimeError ? err.message : (err as Error).message;
    // Why may be for the node's administrator only.
    if (err instanceof ConfigError && err.cause !== undefined)
      starter.killer.logger.info("A container could not be configured", {
        pod: uidOf(input.pod),
        container: input.container.name,
        err,
      });
    event(starter, input, "Warning", "Failed", `Error: ${message}`);
    throw new StartError(reason, message, { cause: err, attempted: true });
  }
}

function event(
  { killer }: ContainerStarter,
  { pod, container }: Pick<StartInput, "pod" | "container">,
  type: "Normal" | "Warning",
  reason: string,
  message: string,
): void {
  const fieldPath = fieldPathOf(pod, container.name);
  killer.recorder.event(pod, type, reason, message, fieldPath === undefined ? {} : { fieldPath });
}
