/** VolumeZone: a volume with zone labels is used in its zone only. @module */
import { storageClassOf } from "#api/core/v1/storage-class-name";
import type { PersistentVolume, Pod } from "#api/core/v1/types.gen";
import type { StorageClass } from "#api/storage/v1/types.gen";
import { jsonEqual, quote } from "#apimachinery";
import { claimRefs, type ClaimRef } from "../../cache/claim-refs.ts";
import type { NodeInfo } from "../../cache/node-info.ts";
import type { PodInfo } from "../../cache/pod-info.ts";
import type { ClusterEvent } from "../../framework/cluster-event.ts";
import type { Plugin } from "../../framework/plugin.ts";
import { unresolvable } from "../../framework/status.ts";
import type { VolumeListers } from "./pod-claims.ts";

const NAME = "VolumeZone";
const CONFLICT = unresolvable(NAME, "node(s) had no available volume zone");
/** Label -> what newer nodes call it. */
const LABELS: ReadonlyMap<string, string> = new Map([
  ["failure-domain.beta.kubernetes.io/zone", "topology.kubernetes.io/zone"],
  ["failure-domain.beta.kubernetes.io/region", "topology.kubernetes.io/region"],
  ["topology.kubernetes.io/zone", "topology.kubernetes.io/zone"],
  ["topology.kubernetes.io/region", "topology.kubernetes.io/region"],
]);
/** Between the zones of a volume that is in several. */
const ZONES_SEPARATOR = "__";

interface Topology {
  readonly label: string;
  readonly values: readonly string[];
}

export function volumeZone(listers: VolumeListers): Plugin {
  return {
    name: NAME,
    preFilter(cycle, { pod }) {
      const topologies: Topology[] = [];
      for (const ref of namedClaims(pod)) {
        const found = topologiesOfClaim(ref, listers);
        if (typeof found === "string") return { status: unresolvable(NAME, found) };
        topologies.push(...found);
      }
      if (topologies.length === 0) return { skip: true };
      cycle.set(NAME, topologies);
      return undefined;
    },
    filter(cycle, _pod, node) {
      const isAnywhere = LABELS.keys().every((label) => node.labels[label] === undefined);
      if (isAnywhere) return undefined; // clusters of one zone need not label their nodes
      const topologies = cycle.get(NAME) as readonly Topology[];
      return topologies.every((topology) => isIn(node, topology)) ? undefined : CONFLICT;
    },
    eventsToRegister: [
      { resource: "PersistentVolumeClaim", actions: ["add", "update"] },
      { resource: "PersistentVolume", actions: ["add", "update"] },
      { resource: "StorageClass", actions: ["add"] },
      { resource: "Node", actions: ["add", "update"], changes: ["UpdateNodeLabel"] },
    ],
    queueingHint: mayHelp,
  };
}

/** Volumes made for the pod itself are not looked at, as upstream. */
function namedClaims(pod: Pod): readonly ClaimRef[] {
  return claimRefs(pod).filter(({ isEphemeral }) => !isEphemeral);
}

/** Nothing for a claim that waits for its first pod; or why the pod cannot have it. */
function topologiesOfClaim(
  { key, name }: ClaimRef,
  { claims, volumes, classes }: VolumeListers,
): readonly Topology[] | string {
  const claim = claims.get(key);
  if (claim === undefined) return `persistentvolumeclaim ${quote(name)} not found`;
  const volumeName = claim.spec?.volumeName ?? "";
  if (volumeName !== "") {
    const volume = volumes.get(volumeName);
    return volume === undefined ? `persistentvolume ${quote(volumeName)} not found` : topologiesOf(volume);
  }
  const className = storageClassOf(claim);
  if (className === "") return "PersistentVolumeClaim had no pv name and storageClass name";
  const storageClass = classes.get(className);
  if (storageClass === undefined) return `storageclass.storage.k8s.io ${quote(className)} not found`;
  return storageClass.volumeBindingMode === "WaitForFirstConsumer" ? [] : "PersistentVolume had no name";
}

function topologiesOf({ metadata }: PersistentVolume): readonly Topology[] {
  return [...LABELS.keys()].flatMap((label) => {
    const values = metadata.labels?.[label]?.split(ZONES_SEPARATOR).map((value) => value.trim());
    return values === undefined || values.includes("") ? [] : [{ label, values }];
  });
}

function isIn({ labels }: NodeInfo, { label, values }: Topology): boolean {
  const value = labels[label] ?? labels[LABELS.get(label)!];
  return value !== undefined && values.includes(value);
}

function mayHelp({ resource, object, key }: ClusterEvent, { pod }: PodInfo): boolean {
  if (resource === "PersistentVolumeClaim") return namedClaims(pod).some((ref) => ref.key === key);
  if (resource === "StorageClass")
    return (object?.new as StorageClass | undefined)?.volumeBindingMode === "WaitForFirstConsumer";
  if (resource !== "PersistentVolume") return true;
  const { old, new: newer } = object as VolumeChange;
  return old === undefined || !jsonEqual(topologiesOf(old), topologiesOf(newer));
}

interface VolumeChange {
  readonly old: PersistentVolume | undefined;
  readonly new: PersistentVolume;
}
