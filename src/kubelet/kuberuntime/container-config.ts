/** What the runtime is asked for when a container is made: everything the specification says, resolved. @module */
import type { Container, Pod, VolumeMount } from "#api/core/v1/types.gen";
import type {
  ContainerConfig,
  Device,
  LinuxContainerSecurityContext,
  Mount,
  MountPropagation,
  UserNamespace,
} from "#cri";
import { containerAnnotations, containerLabels } from "../container/labels.ts";
import type { DeviceRunOptions } from "../devicemanager/run-options.ts";
import { specOf, uidOf } from "../container/pod-spec.ts";
import { containerResources, type ResourcePolicy } from "../container/resources.ts";
import { expand, expandAll } from "../env/expand.ts";
import { ConfigError } from "../env/make-environment.ts";
import { hostsFile, nodeHostsFile } from "../network/hostname.ts";
import type { VolumeHost } from "../platform/platform.ts";
import type { MountedVolume, MountedVolumes } from "../volumes/mounted-volume.ts";
import { containerLogPath, type NodePaths, podDir } from "./paths.ts";
import { resolveRecursiveReadOnly } from "./recursive-read-only.ts";
import { containerSecurityContext, type ImageUser } from "./security-context.ts";
import { runtimeSignal } from "./stop-signal.ts";

export interface ContainerInput {
  readonly pod: Pod;
  readonly container: Container;
  readonly restartCount: number;
  readonly env: ReadonlyMap<string, string>;
  readonly imageRef: string;
  readonly imageUser: ImageUser;
  readonly podIPs: readonly string[];
  readonly volumes: MountedVolumes;
  readonly host: VolumeHost;
  readonly paths: NodePaths;
  readonly clusterDomain: string;
  readonly resourcePolicy: ResourcePolicy;
  readonly targetId?: string;
  /** Of device plugins; their variables are part of `env`. */
  readonly devices?: DeviceRunOptions | undefined;
  /** The runtime handler of the pod can. */
  readonly recursiveReadOnlyMounts: boolean;
  readonly seccompDefault?: boolean;
  /** Of the pod's sandbox. */
  readonly userNamespace?: UserNamespace;
}

const PROPAGATION: Readonly<Record<string, MountPropagation>> = {
  None: "PROPAGATION_PRIVATE",
  HostToContainer: "PROPAGATION_HOST_TO_CONTAINER",
  Bidirectional: "PROPAGATION_BIDIRECTIONAL",
};
const ETC_HOSTS = "/etc/hosts";
const NODE_HOSTS_BYTES_MAX = 65_536;
const DEFAULT_TERMINATION_LOG = "/dev/termination-log";

/** Throws `ConfigError` when the specification cannot be carried out. */
export async function containerConfig(input: ContainerInput): Promise<ContainerConfig> {
  const { pod, container, restartCount, env, imageRef, imageUser, paths, targetId } = input;
  const lookup = (name: string): string | undefined => env.get(name);
  const { stdin = false, stdinOnce = false, tty = false, workingDir, image = "" } = container;
  const stopSignal = container.lifecycle?.stopSignal;
  const { cdiDevices = [], cdiEdits } = input.devices ?? {};
  const ownDevices = [...(input.devices?.devices ?? []), ...devicesOf(input)];
  const devices = replaced(ownDevices, cdiEdits?.devices);
  const security = {
    pod,
    container,
    image: imageUser,
    rootDir: paths.rootDir,
    ...(targetId !== undefined && { targetId }),
    ...(input.seccompDefault !== undefined && { seccompDefault: input.seccompDefault }),
    ...(input.userNamespace !== undefined && { userNamespace: input.userNamespace }),
  };
  return {
    metadata: { name: container.name, attempt: restartCount },
    image: { image: imageRef, userSpecifiedImage: image },
    ...(container.command !== undefined && { command: container.command.map((c) => expand(c, lookup)) }),
    ...(container.args !== undefined && { args: container.args.map((a) => expand(a, lookup)) }),
    ...(workingDir !== undefined && workingDir !== "" && { workingDir }),
    envs: [...new Map([...env, ...(cdiEdits?.env ?? [])])].map(([key, value]) => ({ key, value })),
    mounts: replaced(
      [
        ...(input.devices?.mounts ?? []),
        ...(await volumeMounts(input)),
        ...(await hostsMount(input)),
        ...(await terminationMount(input)),
      ].map((mount) => withIds(mount, input.userNamespace)),
      cdiEdits?.mounts,
    ),
    ...(devices.length > 0 && { devices }),
    ...(cdiDevices.length > 0 && { cdiDevices }),
    labels: containerLabels(container, pod),
    annotations: { ...input.devices?.annotations, ...containerAnnotations(container, pod, restartCount) },
    logPath: containerLogPath(container.name, restartCount),
    stdin,
    stdinOnce,
    tty,
    linux: {
      resources: containerResources(container, pod, input.resourcePolicy),
      securityContext: withGroups(containerSecurityContext(security), cdiEdits?.additionalGids ?? []),
    },
    ...(stopSignal !== undefined && { stopSignal: runtimeSignal(stopSignal) }),
  };
}

/** What a device brings takes the place of what was at its path. */
function replaced<T extends { readonly containerPath: string }>(
  own: readonly T[],
  brought: readonly T[] = [],
): readonly T[] {
  const paths = new Set(brought.map(({ containerPath }) => containerPath));
  return [...own.filter(({ containerPath }) => !paths.has(containerPath)), ...brought];
}

function withGroups(
  context: LinuxContainerSecurityContext,
  groups: readonly number[],
): LinuxContainerSecurityContext {
  if (groups.length === 0) return context;
  return { ...context, supplementalGroups: [...(context.supplementalGroups ?? []), ...groups] };
}

/** Files look to a container of another user namespace as they look to the node. */
function withIds(mount: Mount, userNamespace: UserNamespace | undefined): Mount {
  if (userNamespace?.mode !== "POD") return mount;
  const { uids = [], gids = [] } = userNamespace;
  return { ...mount, uidMappings: uids, gidMappings: gids };
}

async function volumeMounts(input: ContainerInput): Promise<readonly Mount[]> {
  const mounts: Mount[] = [];
  for (const [index, mount] of (input.container.volumeMounts ?? []).entries()) {
    const volume = volumeOf(input, mount.name);
    const { mountPath, mountPropagation = "None", subPath = "" } = mount;
    const containerPath = mountPath.startsWith("/") ? mountPath : `/${mountPath}`;
    const recursiveReadOnly = resolveRecursiveReadOnly(mount, input.recursiveReadOnlyMounts);
    if (volume.imageRef !== undefined) {
      const image = { image: volume.imageRef, userSpecifiedImage: volume.image?.reference ?? "" };
      const imageSubPath = subPath;
      mounts.push({ containerPath, hostPath: "", readonly: true, image, imageSubPath });
      continue;
    }
    mounts.push({
      containerPath,
      hostPath: await hostPathOf(input, mount, volume.path, index),
      readonly: (mount.readOnly ?? false) || volume.readOnly,
      propagation: PROPAGATION[mountPropagation] ?? "PROPAGATION_PRIVATE",
      ...(recursiveReadOnly && { recursiveReadOnly }),
    });
  }
  return mounts;
}

function devicesOf(input: ContainerInput): readonly Device[] {
  return (input.container.volumeDevices ?? []).map(({ name, devicePath }) => {
    const { path, readOnly } = volumeOf(input, name);
    return { containerPath: devicePath, hostPath: path, permissions: readOnly ? "r" : "mrw" };
  });
}

function volumeOf({ volumes, container }: ContainerInput, name: string): MountedVolume {
  const volume = volumes.get(name);
  if (volume !== undefined) return volume;
  throw new ConfigError(
    `cannot find volume ${JSON.stringify(name)} to mount into container ${JSON.stringify(container.name)}`,
  );
}

async function hostPathOf(
  { pod, container, env, host, paths }: ContainerInput,
  { name, subPath = "", subPathExpr = "" }: VolumeMount,
  volumePath: string,
  index: number,
): Promise<string> {
  const inside = subPathExpr === "" ? subPath : expandSubPath(subPathExpr, env);
  if (inside === "") return volumePath;
  if (inside.startsWith("/"))
    throw new ConfigError(`error SubPath \`${inside}\` must not be an absolute path`);
  if (inside.split("/").includes(".."))
    throw new ConfigError(`unable to provision SubPath \`${inside}\`: must not contain '..'`);
  const target = `${podDir(paths, uidOf(pod))}/volume-subpaths/${name}/${container.name}/${index}`;
  try {
    return await host.resolveSubPath(volumePath, inside, target);
  } catch (err) {
    // Why is not told: a link of the container's may ask for what only the node knows.
    const message = `failed to prepare subPath for volumeMount ${JSON.stringify(name)} of container ${JSON.stringify(container.name)}`;
    throw new ConfigError(message, { cause: err });
  }
}

function expandSubPath(expression: string, env: ReadonlyMap<string, string>): string {
  try {
    return expandAll(expression, (key) => env.get(key));
  } catch (err) {
    throw new ConfigError((err as Error).message, { cause: err });
  }
}

/** A pod that mounts its own /etc/hosts keeps it. */
async function hostsMount(input: ContainerInput): Promise<readonly Mount[]> {
  const { pod, container, podIPs, host, paths, clusterDomain } = input;
  const own = (container.volumeMounts ?? []).some(({ mountPath }) => mountPath === ETC_HOSTS);
  const hostNetwork = specOf(pod).hostNetwork === true;
  if (own || (podIPs.length === 0 && !hostNetwork)) return [];
  const hostPath = `${podDir(paths, uidOf(pod))}/etc-hosts`;
  const text = hostNetwork
    ? nodeHostsFile(pod, await host.readFile(ETC_HOSTS, NODE_HOSTS_BYTES_MAX))
    : hostsFile(pod, podIPs, clusterDomain);
  await host.writeFile(hostPath, text, 0o644);
  return [{ containerPath: ETC_HOSTS, hostPath, propagation: "PROPAGATION_PRIVATE" }];
}

/** A file of its own per restart: the message of the last end stays readable. */
async function terminationMount(input: ContainerInput): Promise<readonly Mount[]> {
  const { pod, container, restartCount, host, paths } = input;
  const hostPath = `${podDir(paths, uidOf(pod))}/containers/${container.name}/${restartCount}`;
  await host.writeFile(hostPath, "", 0o666);
  const containerPath = container.terminationMessagePath ?? DEFAULT_TERMINATION_LOG;
  return [{ containerPath, hostPath, propagation: "PROPAGATION_PRIVATE" }];
}
