/** One CSI volume of a pod, whatever it was made from, and what its driver is told of it. Pure. @module */
import type { Pod, SecretReference } from "#api/core/v1/types.gen";
import type { CSIDriver } from "#api/storage/v1/types.gen";
import { specOf, uidOf } from "../../container/pod-spec.ts";
import type { VolumeSpec } from "../volume-spec.ts";
import type { NodeCapability, StringMap, VolumeCapability } from "./csi-client.ts";
import { CSI_PLUGIN, ephemeralHandle } from "./csi-paths.ts";

export interface CsiVolume {
  /** The PersistentVolume's name, or the pod's own name of it. */
  readonly specName: string;
  readonly driver: string;
  readonly handle: string;
  readonly lifecycle: "Persistent" | "Ephemeral";
  readonly readOnly: boolean;
  readonly isBlock: boolean;
  readonly fsType: string;
  readonly attributes: StringMap;
  readonly mountOptions: readonly string[];
  readonly accessModes: readonly string[];
  readonly stageSecret: SecretReference | undefined;
  readonly publishSecret: SecretReference | undefined;
  readonly expandSecret: SecretReference | undefined;
}

/** Undefined: not a CSI volume. */
export function csiVolumeOf(
  pod: Pod,
  { name, volume, persistent, readOnly, isBlock }: VolumeSpec,
): CsiVolume | undefined {
  const own = volume.csi;
  if (own !== undefined) {
    const { driver, fsType = "", volumeAttributes = {}, nodePublishSecretRef } = own;
    const namespace = pod.metadata.namespace ?? "";
    const secret =
      nodePublishSecretRef?.name === undefined ? undefined : { name: nodePublishSecretRef.name, namespace };
    return {
      specName: name,
      driver,
      handle: ephemeralHandle(uidOf(pod), name),
      lifecycle: "Ephemeral",
      readOnly: own.readOnly ?? false,
      isBlock: false,
      fsType,
      attributes: volumeAttributes,
      mountOptions: [],
      accessModes: [],
      stageSecret: undefined,
      publishSecret: secret,
      expandSecret: undefined,
    };
  }
  const source = persistent?.spec?.csi;
  if (source === undefined) return undefined;
  return {
    specName: name,
    driver: source.driver,
    handle: source.volumeHandle,
    lifecycle: "Persistent",
    readOnly,
    isBlock,
    fsType: source.fsType ?? "",
    attributes: source.volumeAttributes ?? {},
    mountOptions: persistent?.spec?.mountOptions ?? [],
    accessModes: persistent?.spec?.accessModes ?? [],
    stageSecret: source.nodeStageSecretRef,
    publishSecret: source.nodePublishSecretRef,
    expandSecret: source.nodeExpandSecretRef,
  };
}

/** Only the first access mode counts, as upstream. */
export function csiAccessMode(mode: string, capabilities: ReadonlySet<NodeCapability>): string {
  const isPrecise = capabilities.has("SINGLE_NODE_MULTI_WRITER");
  switch (mode) {
    case "ReadWriteOnce":
      return isPrecise ? "SINGLE_NODE_MULTI_WRITER" : "SINGLE_NODE_WRITER";
    case "ReadWriteOncePod":
      return isPrecise ? "SINGLE_NODE_SINGLE_WRITER" : "SINGLE_NODE_WRITER";
    case "ReadOnlyMany":
      return "MULTI_NODE_READER_ONLY";
    case "ReadWriteMany":
      return "MULTI_NODE_MULTI_WRITER";
    default:
      return "UNKNOWN";
  }
}

/** `group` is handed to drivers that give it to the files themselves. */
export function csiCapability(
  { isBlock, fsType, mountOptions, accessModes }: CsiVolume,
  capabilities: ReadonlySet<NodeCapability>,
  group: number | undefined,
): VolumeCapability {
  const accessMode = { mode: csiAccessMode(accessModes[0] ?? "ReadWriteOnce", capabilities) };
  if (isBlock) return { block: {}, accessMode };
  const volumeMountGroup = group !== undefined && capabilities.has("VOLUME_MOUNT_GROUP") ? String(group) : "";
  return { mount: { fsType, mountFlags: mountOptions, volumeMountGroup }, accessMode };
}

const key = (name: string): string => `csi.storage.k8s.io/${name}`;

export function podInfo(pod: Pod, { lifecycle }: CsiVolume): StringMap {
  return {
    [key("pod.name")]: pod.metadata.name,
    [key("pod.namespace")]: pod.metadata.namespace ?? "",
    [key("pod.uid")]: uidOf(pod),
    [key("serviceAccount.name")]: specOf(pod).serviceAccountName ?? "",
    [key("ephemeral")]: String(lifecycle === "Ephemeral"),
  };
}

/** Throws when the driver's object does not allow volumes of this life. */
export function checkLifecycle({ driver, lifecycle }: CsiVolume, object: CSIDriver | undefined): void {
  if (object === undefined && lifecycle === "Persistent") return;
  const mode = JSON.stringify(lifecycle);
  const problem = `volume mode ${mode} not supported by driver ${driver}`;
  const text = "mounter.SetupAt failed to check volume lifecycle mode:";
  if (object === undefined) throw csiError(`${text} ${problem} (no CSIDriver object)`);
  const modes = object.spec.volumeLifecycleModes ?? ["Persistent"];
  if (modes.includes(lifecycle)) return;
  const known = `[${modes.map((one) => JSON.stringify(one)).join(" ")}]`;
  throw csiError(`${text} ${problem} (only supports ${known})`);
}

/** Whether kubelet gives the files to the pod's group. */
export function changesGroup(
  { lifecycle, readOnly, fsType, accessModes }: CsiVolume,
  object: CSIDriver | undefined,
  capabilities: ReadonlySet<NodeCapability>,
): boolean {
  const policy = object?.spec.fsGroupPolicy ?? "ReadWriteOnceWithFSType";
  if (capabilities.has("VOLUME_MOUNT_GROUP") || readOnly || policy === "None") return false;
  if (policy === "File") return true;
  if (fsType === "") return false;
  return (
    lifecycle === "Ephemeral" ||
    accessModes.includes("ReadWriteOnce") ||
    accessModes.includes("ReadWriteOncePod")
  );
}

/** In upstream's form. */
export function csiError(message: string, cause?: unknown): Error {
  return new Error(`${CSI_PLUGIN}: ${message}`, { cause });
}
