/** The volumes that the local-path provisioner makes. Pure. @module */
import { keyOf, quote } from "#apimachinery";
import { storageClassOf } from "#api/core/v1/storage-class-name";
import { LOCAL_PATH_PROVISIONER, LOCAL_PATH_ROOT, releasedVolumes } from "#api/core/v1/local-path-volumes";
import type { Node, PersistentVolume, PersistentVolumeClaim } from "#api/core/v1/types.gen";
import { defaultClass } from "#api/storage/v1/default-class";
import type { StorageClass } from "#api/storage/v1/types.gen";
import { isDelayed, PROVISIONED_BY, SELECTED_NODE, STORAGE_PROVISIONER } from "../volume/claims.ts";

export const DEFAULT_CLASS = "standard";
/** Keeps a volume that somebody deletes by hand until its node is told; upstream's provisioners put it on theirs. */
export const FINALIZER = "external-provisioner.volume.kubernetes.io/finalizer";
/** Volumes whose data a node has yet to remove. While it does not, those beyond stay as they are. */
export const RELEASED_MAX = 256;
const HOSTNAME_LABEL = "kubernetes.io/hostname";
const SUPPORTED_MODES: readonly string[] = ["ReadWriteOnce", "ReadWriteOncePod"];

export type Provision =
  | { readonly do: "nothing" }
  | { readonly do: "create"; readonly volume: PersistentVolume }
  | { readonly do: "fail"; readonly message: string };

/** `node` finds a node by its name, or any that takes pods. */
export function planProvision(
  claim: PersistentVolumeClaim,
  storageClass: StorageClass | undefined,
  nodes: readonly Node[],
): Provision {
  const { metadata, spec } = claim;
  const isAsked = metadata.annotations?.[STORAGE_PROVISIONER] === LOCAL_PATH_PROVISIONER;
  const isBound = (spec?.volumeName ?? "") !== "";
  if (
    !isAsked ||
    isBound ||
    metadata.deletionTimestamp !== undefined ||
    storageClass?.provisioner !== LOCAL_PATH_PROVISIONER
  )
    return { do: "nothing" };
  const selected = metadata.annotations?.[SELECTED_NODE];
  if (selected === undefined && isDelayed(storageClass)) return { do: "nothing" };
  const problem = problemOf(claim);
  if (problem !== undefined) return failed(storageClass, problem);
  const node = selected === undefined ? anyNode(nodes) : nodes.find((n) => n.metadata.name === selected);
  if (node === undefined)
    return failed(
      storageClass,
      selected === undefined ? "no node takes pods" : `node ${quote(selected)} not found`,
    );
  return { do: "create", volume: newVolume(claim, storageClass, node) };
}

function failed({ metadata }: StorageClass, problem: string): Provision {
  return {
    do: "fail",
    message: `failed to provision volume with StorageClass ${quote(metadata.name)}: ${problem}`,
  };
}

function problemOf({ spec }: PersistentVolumeClaim): string | undefined {
  if (spec?.selector !== undefined) return "claim.Spec.Selector is not supported";
  if (spec?.volumeMode === "Block") return "block volumes are not supported";
  if (spec?.dataSource !== undefined || spec?.dataSourceRef !== undefined)
    return "data sources are not supported";
  const other = (spec?.accessModes ?? []).find((mode) => !SUPPORTED_MODES.includes(mode));
  return other === undefined
    ? undefined
    : `access mode ${other} is not supported, a volume is a folder of one node`;
}

/** The first by name that is ready and takes pods. */
function anyNode(nodes: readonly Node[]): Node | undefined {
  const usable = nodes.filter(({ spec, status }) => {
    const isReady =
      status?.conditions?.some(({ type, status: s }) => type === "Ready" && s === "True") === true;
    return isReady && spec?.unschedulable !== true;
  });
  return usable.toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))[0];
}

/** Named after the claim's uid: made twice, it is the same. */
export function volumeName({ metadata }: PersistentVolumeClaim): string {
  return `pvc-${metadata.uid}`;
}

function newVolume(claim: PersistentVolumeClaim, storageClass: StorageClass, node: Node): PersistentVolume {
  const { name: claimName, namespace, uid, resourceVersion } = claim.metadata;
  const name = volumeName(claim);
  const hostname = node.metadata.labels?.[HOSTNAME_LABEL];
  const requirement =
    hostname === undefined
      ? { matchFields: [{ key: "metadata.name", operator: "In", values: [node.metadata.name] }] }
      : { matchExpressions: [{ key: HOSTNAME_LABEL, operator: "In", values: [hostname] }] };
  return {
    apiVersion: "v1",
    kind: "PersistentVolume",
    metadata: { name, annotations: { [PROVISIONED_BY]: LOCAL_PATH_PROVISIONER }, finalizers: [FINALIZER] },
    spec: {
      capacity: { storage: claim.spec?.resources?.requests?.["storage"] ?? "0" },
      accessModes: claim.spec?.accessModes ?? [],
      persistentVolumeReclaimPolicy: storageClass.reclaimPolicy ?? "Delete",
      storageClassName: storageClassOf(claim),
      volumeMode: "Filesystem",
      claimRef: {
        kind: "PersistentVolumeClaim",
        apiVersion: "v1",
        name: claimName,
        namespace: namespace!,
        uid: uid!,
        resourceVersion: resourceVersion!,
      },
      hostPath: { path: `${LOCAL_PATH_ROOT}/${name}`, type: "DirectoryOrCreate" },
      nodeAffinity: { required: { nodeSelectorTerms: [requirement] } },
    },
  };
}

export type Release =
  | { readonly do: "nothing" }
  /** So that nothing takes it back while its node is told. */
  | { readonly do: "hold" }
  | { readonly do: "delete" }
  /** The node has too much to remove as it is. */
  | { readonly do: "wait" }
  /** The node is to remove the data. */
  | { readonly do: "tell"; readonly node: string }
  /** It has been told, there is no such node any more, or the data is to stay: the volume may go. */
  | { readonly do: "let-go" };

/** What becomes of a volume that nobody claims any more. Only one that cannot be bound again is told of. */
export function planRelease(volume: PersistentVolume, nodes: readonly Node[]): Release {
  const { metadata, spec, status } = volume;
  if (metadata.annotations?.[PROVISIONED_BY] !== LOCAL_PATH_PROVISIONER) return { do: "nothing" };
  const isHeld = metadata.finalizers?.includes(FINALIZER) === true;
  const isToDelete = spec?.persistentVolumeReclaimPolicy === "Delete";
  if (metadata.deletionTimestamp === undefined) {
    if (!isToDelete || status?.phase !== "Released") return { do: "nothing" };
    return { do: isHeld ? "delete" : "hold" };
  }
  if (!isHeld || status?.phase === "Bound") return { do: "nothing" };
  const node = isToDelete ? nodes.find((candidate) => isOn(volume, candidate)) : undefined;
  if (node === undefined) return { do: "let-go" };
  const released = releasedVolumes(node);
  if (released.includes(metadata.name)) return { do: "let-go" };
  return released.length < RELEASED_MAX ? { do: "tell", node: node.metadata.name } : { do: "wait" };
}

/** As `newVolume` says where it is. */
function isOn({ spec }: PersistentVolume, { metadata }: Node): boolean {
  return (spec?.nodeAffinity?.required?.nodeSelectorTerms ?? []).some(
    ({ matchExpressions = [], matchFields = [] }) =>
      matchExpressions.some(
        ({ key, values = [] }) =>
          key === HOSTNAME_LABEL && values.includes(metadata.labels?.[HOSTNAME_LABEL] ?? ""),
      ) ||
      matchFields.some(({ key, values = [] }) => key === "metadata.name" && values.includes(metadata.name)),
  );
}

/** Made once when the cluster has neither this class nor another default. */
export function missingDefaultClass(classes: readonly StorageClass[]): StorageClass | undefined {
  const isThere = classes.some(({ metadata }) => metadata.name === DEFAULT_CLASS);
  if (isThere || defaultClass(classes) !== undefined) return undefined;
  return {
    apiVersion: "storage.k8s.io/v1",
    kind: "StorageClass",
    metadata: {
      name: DEFAULT_CLASS,
      annotations: { "storageclass.kubernetes.io/is-default-class": "true" },
    },
    provisioner: LOCAL_PATH_PROVISIONER,
    reclaimPolicy: "Delete",
    volumeBindingMode: "WaitForFirstConsumer",
  };
}

export function provisioningMessage(claim: PersistentVolumeClaim): string {
  return `External provisioner is provisioning volume for claim ${quote(keyOf(claim))}`;
}
