/**
 * The volumes that CSI drivers attach to each node for its pods. Every pod with volumes asks it of hundreds of nodes, so what was
 * counted stays until a pod of the node, or an object that was looked at for it, changes.
 * @module
 */
import { PersistentVolumes } from "#api/core/v1/persistentvolume";
import { PersistentVolumeClaims } from "#api/core/v1/persistentvolumeclaim";
import { storageClassOf } from "#api/core/v1/storage-class-name";
import type { Pod } from "#api/core/v1/types.gen";
import { CSINodes } from "#api/storage/v1/csinode";
import { StorageClasses } from "#api/storage/v1/storageclass";
import type { CSINode, VolumeAttachment } from "#api/storage/v1/types.gen";
import { VolumeAttachments } from "#api/storage/v1/volumeattachment";
import { keyOf, type KubeObject, type ObjectKey } from "#apimachinery";
import type { InformerFactory } from "#client";
import { claimRefs } from "../../cache/claim-refs.ts";
import type { NodeInfo } from "../../cache/node-info.ts";
import { csiVolumeOf, driverOf, migratedPlugins, migratedVolume, type CsiVolume } from "./csi-volume.ts";
import type { VolumeListers } from "./pod-claims.ts";

/** By driver and handle: volumes that several pods share count once. */
export type Volumes = ReadonlyMap<string, Pick<CsiVolume, "driver" | "plugin">>;

export interface NodeVolumes {
  /** By driver: how many more its limit lets the node have; a driver that is not named has no limit. */
  readonly room: ReadonlyMap<string, number>;
  /** In-tree plugins whose driver has taken over here. */
  readonly migrated: ReadonlySet<string>;
  /** By driver and handle: what the pods of the node use. */
  readonly used: ReadonlySet<string>;
}

interface Counted {
  readonly volumes: NodeVolumes;
  /** Of the node. */
  readonly generation: number;
  /** What was looked at. */
  readonly sources: ReadonlySet<string>;
}

/** One for all profiles of a scheduler. Bounded by the nodes and what their pods use. */
export class AttachedVolumes {
  readonly #listers: VolumeListers;
  /** By slot of the node. */
  readonly #counted: (Counted | undefined)[] = [];
  /** What was looked at -> the slots for which it was; no set is empty. */
  readonly #readers = new Map<string, Set<number>>();
  /** Node -> its attachments by name. */
  readonly #attachments = new Map<string, Map<string, VolumeAttachment>>();

  constructor(listers: VolumeListers, informers: InformerFactory) {
    this.#listers = listers;
    const forgetting = (sourceOf: (name: ObjectKey) => string) => {
      const forget = (object: KubeObject): void => this.#forget(sourceOf(keyOf(object)));
      return { onAdd: forget, onUpdate: forget, onDelete: forget };
    };
    informers.informer(PersistentVolumeClaims).addEventHandler(forgetting(claimSource));
    informers.informer(PersistentVolumes).addEventHandler(forgetting(volumeSource));
    informers.informer(StorageClasses).addEventHandler(forgetting(classSource));
    informers.informer(CSINodes).addEventHandler(forgetting(nodeSource));
    informers.informer(VolumeAttachments).addEventHandler({
      onAdd: (attachment) => this.#see(attachment, true),
      onUpdate: (attachment) => this.#see(attachment, true),
      onDelete: (attachment) => this.#see(attachment, false),
    });
  }

  of(node: NodeInfo): NodeVolumes {
    const known = this.#counted[node.slot];
    if (known?.generation === node.generation) return known.volumes;
    const sources = new Set<string>();
    const volumes = this.#count(node, sources);
    this.#remember(node, { volumes, generation: node.generation, sources });
    return volumes;
  }

  /** What a pod will need attached. */
  wantedBy(pod: Pod): Volumes {
    const wanted = new Map<string, CsiVolume>();
    addVolumes(wanted, pod, this.#listers, new Set());
    return wanted;
  }

  #count(node: NodeInfo, sources: Set<string>): NodeVolumes {
    sources.add(nodeSource(node.name));
    const csiNode = this.#listers.csiNodes.get(node.name);
    const room = limitsOf(csiNode);
    const migrated = migratedPlugins(csiNode);
    const used = new Set<string>();
    if (room.size === 0) return { room, migrated, used };
    const take = (driver: string): void => {
      const left = room.get(driver);
      if (left !== undefined) room.set(driver, left - 1);
    };
    const all = new Map<string, CsiVolume>();
    for (const { pod } of node.pods.values()) addVolumes(all, pod, this.#listers, sources);
    for (const [id, { driver, plugin }] of all) {
      if (plugin !== undefined && !migrated.has(plugin)) continue;
      used.add(id);
      take(driver);
    }
    for (const [id, driver] of this.#attachedTo(node.name, sources)) if (!used.has(id)) take(driver);
    return { room, migrated, used };
  }

  /** As attachments say: volumes of pods that are gone may still be there. */
  #attachedTo(nodeName: string, sources: Set<string>): ReadonlyMap<string, string> {
    const attached = new Map<string, string>();
    for (const { spec } of this.#attachments.get(nodeName)?.values() ?? []) {
      const volumeName = spec.source.persistentVolumeName;
      if (spec.attacher === "" || volumeName === undefined) continue;
      sources.add(volumeSource(volumeName));
      const csi = this.#listers.volumes.get(volumeName)?.spec?.csi;
      if (csi !== undefined) attached.set(idOf(spec.attacher, csi.volumeHandle), spec.attacher);
    }
    return attached;
  }

  #remember({ slot }: NodeInfo, counted: Counted): void {
    for (const source of this.#counted[slot]?.sources ?? []) {
      if (counted.sources.has(source)) continue;
      const readers = this.#readers.get(source);
      readers?.delete(slot);
      if (readers?.size === 0) this.#readers.delete(source);
    }
    for (const source of counted.sources) {
      const readers = this.#readers.get(source);
      if (readers === undefined) this.#readers.set(source, new Set([slot]));
      else readers.add(slot);
    }
    this.#counted[slot] = counted;
  }

  /** Whoever has looked at it counts anew. */
  #forget(source: string): void {
    for (const slot of this.#readers.get(source) ?? []) this.#counted[slot] = undefined;
    this.#readers.delete(source);
  }

  /** The node of an attachment never changes. */
  #see(attachment: VolumeAttachment, isThere: boolean): void {
    const { nodeName } = attachment.spec;
    const own = this.#attachments.get(nodeName) ?? new Map<string, VolumeAttachment>();
    if (isThere) own.set(attachment.metadata.name, attachment);
    else own.delete(attachment.metadata.name);
    if (own.size > 0) this.#attachments.set(nodeName, own);
    else this.#attachments.delete(nodeName);
    this.#forget(nodeSource(nodeName));
  }
}

const claimSource = (key: ObjectKey): string => `claim ${key}`;
const volumeSource = (name: string): string => `volume ${name}`;
const classSource = (name: string): string => `class ${name}`;
const nodeSource = (name: string): string => `node ${name}`;

function idOf(driver: string, handle: string): string {
  return `${driver} ${handle}`;
}

/** By driver. */
export function limitsOf(csiNode: CSINode | undefined): Map<string, number> {
  const limits = new Map<string, number>();
  for (const driver of csiNode?.spec?.drivers ?? []) {
    const count = driver.allocatable?.count;
    if (count !== undefined) limits.set(driver.name, count);
  }
  return limits;
}

/** Volumes that are still to be made, or not known, count by their claim. */
function addVolumes(
  to: Map<string, CsiVolume>,
  pod: Pod,
  { claims, volumes, classes }: VolumeListers,
  sources: Set<string>,
): void {
  if (pod.spec?.volumes === undefined) return;
  const add = (volume: CsiVolume | undefined): void => {
    if (volume !== undefined && volume.driver !== "" && volume.handle !== "")
      to.set(idOf(volume.driver, volume.handle), volume);
  };
  for (const volume of pod.spec.volumes) add(migratedVolume(volume));
  for (const { key } of claimRefs(pod)) {
    sources.add(claimSource(key));
    const claim = claims.get(key);
    if (claim === undefined) continue;
    const volumeName = claim.spec?.volumeName ?? "";
    if (volumeName !== "") sources.add(volumeSource(volumeName));
    const spec = volumes.get(volumeName)?.spec;
    if (spec !== undefined) {
      add(csiVolumeOf(spec));
      continue;
    }
    const className = storageClassOf(claim);
    sources.add(classSource(className));
    const provisioner = classes.get(className)?.provisioner;
    if (provisioner !== undefined) add({ ...driverOf(provisioner), handle: key });
  }
}
