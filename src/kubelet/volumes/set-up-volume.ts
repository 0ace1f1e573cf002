/** Makes one volume of a pod, whatever its type. @module */
import { isNotFound, unless } from "#apimachinery";
import type { Node, Pod } from "#api/core/v1/types.gen";
import { specOf, uidOf } from "../container/pod-spec.ts";
import { changeGroup, type ChangeGroupTools } from "./change-group.ts";
import type { CsiPlugin } from "./csi/csi-plugin.ts";
import { csiVolumeOf } from "./csi/csi-volume.ts";
import { setUpEmptyDir } from "./empty-dir.ts";
import type { LocalPathVolumes } from "./local-path-volumes.ts";
import { operationError } from "./mount-error.ts";
import type { MountedVolume } from "./mounted-volume.ts";
import { setUpNfs } from "./nfs.ts";
import { nodeAffinityProblem } from "./node-affinity.ts";
import { type PayloadSources, payloadOf } from "./payload.ts";
import type { VolumeSpec } from "./volume-spec.ts";

export interface VolumeTools extends ChangeGroupTools {
  readonly rootDir: string;
  /** The node as the API shows it; undefined: not registered yet. */
  readonly node: () => Node | undefined;
  readonly localPaths: Pick<LocalPathVolumes, "mounting" | "unmounted">;
  readonly csi: Pick<CsiPlugin, "setUp" | "tearDown">;
  readonly allocatableMemoryBytes: number;
  /** How long each operation of a volume took. */
  readonly onOperation?: (
    plugin: string,
    operation: "volume_mount" | "volume_unmount",
    status: "success" | "fail-unknown",
    seconds: number,
  ) => void;
}

const FOLDERS = {
  emptyDir: "kubernetes.io~empty-dir",
  configMap: "kubernetes.io~configmap",
  secret: "kubernetes.io~secret",
  projected: "kubernetes.io~projected",
  downwardAPI: "kubernetes.io~downward-api",
  nfs: "kubernetes.io~nfs",
  local: "kubernetes.io~local-volume",
} as const;

type Payloaded = "configMap" | "secret" | "projected" | "downwardAPI";
const PAYLOADED: readonly Payloaded[] = ["configMap", "secret", "projected", "downwardAPI"];

/** Nothing here can make it. */
export class NoPluginError extends Error {
  override readonly name = "NoPluginError";
}

/** Idempotent. Throws `NoPluginError`, `NotAttachedError`, or why it failed. */
export async function setUpVolume(
  tools: VolumeTools,
  pod: Pod,
  spec: VolumeSpec,
  sources: PayloadSources,
  signal: AbortSignal,
): Promise<MountedVolume> {
  const { host } = tools;
  const { volume, persistent } = spec;
  if (persistent !== undefined) return setUpPersistent(tools, pod, spec, signal);
  if (volume.hostPath !== undefined) {
    await host.checkHostPath(volume.hostPath.path, volume.hostPath.type ?? "");
    return { path: volume.hostPath.path, readOnly: false };
  }
  if (volume.image !== undefined) return { path: "", readOnly: true, image: volume.image };
  if (volume.csi !== undefined) return setUpCsi(tools, pod, spec, signal);
  if (volume.nfs !== undefined) {
    const path = podVolumeDir(tools, pod, "nfs", spec.name);
    const { readOnly } = spec;
    await setUpNfs(host, { source: volume.nfs, readOnly, mountOptions: [] }, path);
    return { path, readOnly, measure: "filesystem" };
  }
  if (volume.emptyDir !== undefined) {
    const path = podVolumeDir(tools, pod, "emptyDir", volume.name);
    const readyPath = `${tools.rootDir}/pods/${uidOf(pod)}/plugins/${FOLDERS.emptyDir}/${volume.name}/ready`;
    await setUpEmptyDir(host, pod, volume, { path, readyPath }, tools.allocatableMemoryBytes);
    return { path, readOnly: false, measure: "files" };
  }
  return setUpPayload(tools, pod, spec, sources, signal);
}

async function setUpPayload(
  tools: VolumeTools,
  pod: Pod,
  { volume }: VolumeSpec,
  sources: PayloadSources,
  signal: AbortSignal,
): Promise<MountedVolume> {
  const { host } = tools;
  const type = PAYLOADED.find((one) => volume[one] !== undefined);
  if (type === undefined) throw noPlugin(volume.name, volume);
  const payload = await payloadOf(pod, volume, sources, signal);
  if (payload === undefined) throw noPlugin(volume.name, volume);
  const path = podVolumeDir(tools, pod, type, volume.name);
  await host.makeDir(path, 0o777);
  if (type !== "configMap" && type !== "downwardAPI") await host.mountTmpfs(path, undefined);
  await host.writePayload(path, payload, specOf(pod).securityContext?.fsGroup);
  return { path, readOnly: true, measure: "files" };
}

async function setUpPersistent(
  tools: VolumeTools,
  pod: Pod,
  spec: VolumeSpec,
  signal: AbortSignal,
): Promise<MountedVolume> {
  const persistent = spec.persistent!;
  const { nfs, hostPath, local, csi, mountOptions = [] } = persistent.spec ?? {};
  const { host, node } = tools;
  const { name, readOnly, isBlock } = spec;
  if ([nfs, hostPath, local, csi].every((source) => source === undefined))
    throw noPlugin(name, withoutOthers(persistent.spec));
  // Before anything is made: on the wrong node the pod would find an empty folder instead of its data.
  const here = node();
  const problem = here === undefined ? "node is not registered yet" : nodeAffinityProblem(persistent, here);
  if (problem !== undefined) {
    const what = isBlock ? "MapVolume" : "MountVolume";
    throw operationError(`${what}.NodeAffinity check failed`, name, new Error(problem));
  }
  if (csi !== undefined) return setUpCsi(tools, pod, spec, signal);
  const claim = spec.claim === undefined ? {} : { claimName: spec.claim.metadata.name };
  if (nfs !== undefined) {
    const path = podVolumeDir(tools, pod, "nfs", name);
    await setUpNfs(host, { source: nfs, readOnly, mountOptions }, path);
    return { path, readOnly, measure: "filesystem", ...claim };
  }
  if (isBlock) return { ...(await localDevice(tools, spec)), ...claim };
  await tools.localPaths.mounting(uidOf(pod), persistent);
  if (hostPath !== undefined) {
    await host.checkHostPath(hostPath.path, hostPath.type ?? "");
    return { path: hostPath.path, readOnly, ...claim };
  }
  const path = await setUpLocal(tools, pod, spec, { ...local!, mountOptions });
  if (!readOnly) await changeGroup(tools, pod, path, false);
  return { path, readOnly, measure: "filesystem", ...claim };
}

interface LocalSource {
  readonly path: string;
  readonly fsType?: string;
  readonly mountOptions: readonly string[];
}

/** A folder is taken as it is; the file system of a device is mounted for each pod by itself. */
async function setUpLocal(
  tools: VolumeTools,
  pod: Pod,
  { name, readOnly }: VolumeSpec,
  { path: source, fsType = "ext4", mountOptions }: LocalSource,
): Promise<string> {
  const { host } = tools;
  const isDevice = await deviceAt(host, source);
  if (isDevice === undefined) {
    const problem = new Error(`path ${JSON.stringify(source)} does not exist`);
    throw operationError("MountVolume.NewMounter initialization failed", name, problem);
  }
  if (!isDevice) return source;
  const path = podVolumeDir(tools, pod, "local", name);
  if (await host.isMounted(path)) return path;
  await host.makeDir(path, 0o750);
  const options = [...new Set([...mountOptions, ...(readOnly ? ["ro"] : [])])].toSorted();
  try {
    await host.formatAndMount({ source, path, type: fsType, options });
  } catch (err) {
    await host.remove(path);
    const why = `local: failed to mount device ${source} at ${path} (fstype: ${fsType}), error ${(err as Error).message}`;
    throw operationError("MountVolume.MountDevice failed", name, new Error(why, { cause: err }));
  }
  return path;
}

/** A raw device of this node. */
async function localDevice(
  { host }: VolumeTools,
  { name, persistent, readOnly }: VolumeSpec,
): Promise<MountedVolume> {
  const path = persistent?.spec?.local?.path;
  if (path === undefined) throw noPlugin(name, { "raw block": true });
  const isDevice = await deviceAt(host, path);
  if (isDevice === true) return { path, readOnly };
  const why = isDevice === undefined ? "does not exist" : "is not a block device";
  const problem = new Error(`path ${JSON.stringify(path)} ${why}`);
  throw operationError("MapVolume.SetUpDevice failed", name, problem, "FailedMapVolume");
}

/** Whether `path` is a device; undefined: there is nothing. */
function deviceAt(
  host: { isBlockDevice(path: string): Promise<boolean> },
  path: string,
): Promise<boolean | undefined> {
  return unless(isMissing, host.isBlockDevice(path));
}

const isMissing = (err: unknown): boolean =>
  isNotFound(err) || (err as NodeJS.ErrnoException).code === "ENOENT";

async function setUpCsi(
  { csi }: VolumeTools,
  pod: Pod,
  spec: VolumeSpec,
  signal: AbortSignal,
): Promise<MountedVolume> {
  const path = await csi.setUp(pod, spec, signal);
  const { driver, handle, readOnly } = csiVolumeOf(pod, spec)!;
  const claim = spec.claim === undefined ? {} : { claimName: spec.claim.metadata.name };
  return { path, readOnly, measure: { driver, handle }, ...claim };
}

function podVolumeDir({ rootDir }: VolumeTools, pod: Pod, type: keyof typeof FOLDERS, name: string): string {
  return `${rootDir}/pods/${uidOf(pod)}/volumes/${FOLDERS[type]}/${name}`;
}

function noPlugin(name: string, source: object): NoPluginError {
  const [type = "empty volume source"] = Object.keys(source).filter((key) => key !== "name");
  return new NoPluginError(
    `failed to get Plugin from volumeSpec for volume ${JSON.stringify(name)} err=no volume plugin matched: ${type} is not supported by this node`,
  );
}

/** The one field that names the type. */
function withoutOthers(spec: object | undefined): object {
  const common = [
    "capacity",
    "accessModes",
    "claimRef",
    "persistentVolumeReclaimPolicy",
    "storageClassName",
    "mountOptions",
    "volumeMode",
    "nodeAffinity",
    "volumeAttributesClassName",
  ];
  return Object.fromEntries(Object.entries(spec ?? {}).filter(([key]) => !common.includes(key)));
}
