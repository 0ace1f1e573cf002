/** What is to be attached to a node and detached from it. Pure. @module */
import { compareStrings, quote } from "#apimachinery";
import type { AttachedVolume, Node, PersistentVolume, Pod } from "#api/core/v1/types.gen";
import type { VolumeAttachment } from "#api/storage/v1/types.gen";
import { podCondition } from "#api/core/v1/pod-state";
import { allowsMultiAttach, attachmentName, uniqueNameOf } from "./volumes.ts";

/** How long an unhealthy node is given to unmount (upstream's ReconcilerMaxWaitForUnmountDuration). */
export const UNMOUNT_WAIT_MS: number = 6 * 60_000;
const MANAGED = "volumes.kubernetes.io/controller-managed-attach-detach";

export interface Wanted {
  readonly volume: PersistentVolume;
  readonly pods: readonly Pod[];
}

export interface Present {
  readonly attachment: VolumeAttachment;
  readonly uniqueName: string;
  /** How long nobody on the node wants it. */
  readonly unwantedMs: number;
}

export interface NodeView {
  readonly name: string;
  readonly node: Node | undefined;
  /** What the node, or what is left of it, has mounted; undefined: nobody knows. */
  readonly inUse: readonly string[] | undefined;
  readonly wanted: readonly Wanted[];
  readonly present: readonly Present[];
  /** Attachments of the volume to other nodes, and the pods there that use it. */
  readonly elsewhere: (volume: PersistentVolume) => { readonly nodes: number; readonly pods: readonly Pod[] };
  /** An attachment of this volume was made that the cache does not show yet. */
  readonly isBeingMade: (uniqueName: string) => boolean;
}

export interface Detachment {
  readonly attachment: VolumeAttachment;
  readonly uniqueName: string;
  /** Whether the node is to be asked once more what it uses. */
  readonly verify: boolean;
  readonly forced?: "timeout" | "out-of-service";
}

export interface Plan {
  readonly attach: readonly VolumeAttachment[];
  readonly detach: readonly Detachment[];
  /** Wanted here, and on another node already. */
  readonly refused: readonly { readonly uniqueName: string; readonly pod: Pod; readonly message: string }[];
  readonly volumesAttached: readonly AttachedVolume[];
  /** Until something that is still mounted may be detached by force. */
  readonly waitMs: number | undefined;
}

export function plan(view: NodeView): Plan {
  const wanted = isManaged(view.node) ? view.wanted : [];
  const names = new Set(wanted.map(({ volume }) => uniqueNameOf(volume)));
  const surplus = view.present.filter(
    ({ attachment, uniqueName }) =>
      !names.has(uniqueName) && attachment.metadata.deletionTimestamp === undefined,
  );
  const detach = surplus.flatMap((present) => detachmentOf(present, view) ?? []);
  const waits = surplus
    .filter(({ attachment }) => !detach.some((one) => one.attachment === attachment))
    .map(({ unwantedMs }) => UNMOUNT_WAIT_MS - unwantedMs)
    .filter((ms) => ms > 0);
  const missing = wanted.filter(({ volume }) => isMissing(volume, view));
  const barred = missing.filter(({ volume }) => isBarred(volume, view));
  return {
    attach: missing
      .filter((one) => !barred.includes(one))
      .map(({ volume }) => newAttachment(volume, view.name)),
    detach,
    refused: barred.flatMap((one) => refusalsOf(one, view)),
    volumesAttached: attachedVolumes(
      view.present.filter(({ uniqueName }) => !detach.some((one) => one.uniqueName === uniqueName)),
    ),
    waitMs: waits.length === 0 ? undefined : Math.min(...waits),
  };
}

function isManaged(node: Node | undefined): boolean {
  return node?.metadata.annotations?.[MANAGED] !== undefined;
}

function isOutOfService(node: Node | undefined): boolean {
  return (node?.spec?.taints ?? []).some(({ key }) => key === "node.kubernetes.io/out-of-service");
}

function detachmentOf(
  { attachment, uniqueName, unwantedMs }: Present,
  { node, inUse }: NodeView,
): Detachment | undefined {
  const isReady = node?.status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True");
  const isLate = unwantedMs > UNMOUNT_WAIT_MS;
  const isDead = isOutOfService(node);
  const isMounted = inUse === undefined || inUse.includes(uniqueName);
  if (isMounted && !isDead && !(isLate && isReady !== true)) return undefined;
  const forced = isLate ? "timeout" : isDead ? "out-of-service" : undefined;
  return {
    attachment,
    uniqueName,
    verify: forced === undefined && node !== undefined,
    ...(forced !== undefined && { forced }),
  };
}

function isMissing(volume: PersistentVolume, { present, isBeingMade }: NodeView): boolean {
  const name = uniqueNameOf(volume)!;
  return !present.some(({ uniqueName }) => uniqueName === name) && !isBeingMade(name);
}

function isBarred(volume: PersistentVolume, { elsewhere }: NodeView): boolean {
  return !allowsMultiAttach(volume) && elsewhere(volume).nodes > 0;
}

function newAttachment(volume: PersistentVolume, nodeName: string): VolumeAttachment {
  return {
    apiVersion: "storage.k8s.io/v1",
    kind: "VolumeAttachment",
    metadata: { name: attachmentName(volume, nodeName) },
    spec: {
      attacher: volume.spec!.csi!.driver,
      nodeName,
      source: { persistentVolumeName: volume.metadata.name },
    },
  };
}

/** Each pod is told of those of its own namespace by name, of others by number. */
function refusalsOf({ volume, pods }: Wanted, { elsewhere }: NodeView): Plan["refused"] {
  const others = elsewhere(volume).pods;
  const uniqueName = uniqueNameOf(volume)!;
  return pods.map((pod) => {
    const local = others.filter(({ metadata }) => metadata.namespace === pod.metadata.namespace);
    const foreign = others.length - local.length;
    const why = multiAttachWhy(
      local.map(({ metadata }) => metadata.name),
      foreign,
    );
    return {
      uniqueName,
      pod,
      message: `Multi-Attach error for volume ${quote(volume.metadata.name)} ${why}`,
    };
  });
}

function multiAttachWhy(local: readonly string[], foreign: number): string {
  if (local.length === 0 && foreign === 0)
    return "Volume is already exclusively attached to one node and can't be attached to another";
  if (local.length === 0) return `Volume is already used by ${foreign} pod(s) in different namespaces`;
  const by = `Volume is already used by pod(s) ${local.join(", ")}`;
  return foreign === 0 ? by : `${by} and ${foreign} pod(s) in different namespaces`;
}

/** What a kubelet may mount. */
function attachedVolumes(present: readonly Present[]): readonly AttachedVolume[] {
  const attached = present.filter(
    ({ attachment }) =>
      attachment.status?.attached === true && attachment.metadata.deletionTimestamp === undefined,
  );
  return attached
    .map(({ uniqueName }) => ({ name: uniqueName, devicePath: "" }))
    .toSorted((a, b) => compareStrings(a.name, b.name));
}

/** What the pods that wait for an attachment are told of it; undefined: nothing happened yet. */
export function outcomeOf(
  { status }: VolumeAttachment,
  volume: PersistentVolume,
): { readonly type: "Normal" | "Warning"; readonly reason: string; readonly message: string } | undefined {
  const name = quote(volume.metadata.name);
  if (status?.attached === true)
    return {
      type: "Normal",
      reason: "SuccessfulAttachVolume",
      message: `AttachVolume.Attach succeeded for volume ${name} `,
    };
  if (status?.attachError === undefined) return undefined;
  const message = `AttachVolume.Attach failed for volume ${name} : ${status.attachError.message ?? ""}`;
  return { type: "Warning", reason: "FailedAttachVolume", message };
}

/** Only while it waits to run: a pod that runs has its volumes. */
export function isWaiting(pod: Pod): boolean {
  return podCondition(pod, "PodReadyToStartContainers")?.status !== "True" && pod.status?.phase === "Pending";
}
