/** Asks CSI drivers to attach volumes to the nodes of the pods that use them, and to detach them again. @module */
import type { Kind, ObjectKey } from "#apimachinery";
import { isAlreadyExists, isNotFound, keyOf } from "#apimachinery";
import { Nodes } from "#api/core/v1/node";
import { PersistentVolumes } from "#api/core/v1/persistentvolume";
import { PersistentVolumeClaims } from "#api/core/v1/persistentvolumeclaim";
import { Pods } from "#api/core/v1/pod";
import type { AttachedVolume, Node, PersistentVolume, Pod } from "#api/core/v1/types.gen";
import { CSIDrivers } from "#api/storage/v1/csidriver";
import type { VolumeAttachment } from "#api/storage/v1/types.gen";
import { VolumeAttachments } from "#api/storage/v1/volumeattachment";
import type { Controller, ControllerContext, Result } from "#controller-runtime";
import { source } from "#controller-runtime";
import { ensureIndex, indexPodsByNode, podsOnNode } from "../indexes.ts";
import { OwnWrites } from "../own-writes.ts";
import { equalJSON } from "../template-hash.ts";
import { unlessGone } from "../unless-gone.ts";
import { claimKeyOf, indexPodsByClaim, nodeOf, podsUsing } from "../volume/claims.ts";
import type { Detachment, Present, Wanted } from "./plan.ts";
import { OperationTimes, VolumeCounts } from "./metrics.ts";
import { isWaiting, outcomeOf, plan } from "./plan.ts";
import type { VolumeWorld } from "./volumes.ts";
import { attachableVolumes, isPodOver, uniqueNameOf } from "./volumes.ts";

const BY_NODE = "controllers/attachment-node";
const BY_VOLUME = "controllers/attachment-volume";

/**
 * Reconciles nodes, one at a time: two nodes must not be given the same volume. Safe on a stale cache: what was just
 * made is remembered until the cache shows it, and a node is asked what it uses before anything is taken from it.
 */
export function attachDetachController(context: ControllerContext): Controller {
  const { informers } = context;
  const pods = informers.informer(Pods);
  indexPodsByNode(pods);
  indexPodsByClaim(pods);
  const attachments = informers.informer(VolumeAttachments);
  ensureIndex(attachments, BY_NODE, ({ spec }) => [spec.nodeName]);
  ensureIndex(attachments, BY_VOLUME, ({ spec }) => [spec.source.persistentVolumeName ?? ""]);
  const volumes = informers.lister(PersistentVolumes);
  const attacher = new Attacher(context);
  const nodesOfClaim = (claim: ObjectKey | undefined): readonly string[] =>
    claim === undefined ? [] : podsUsing(pods.lister, claim).map(nodeOf);
  const nodesOfVolume = (volume: PersistentVolume | undefined): readonly string[] =>
    volume?.spec?.csi === undefined ? [] : nodesOfClaim(claimKeyOf(volume));
  return {
    name: "persistentvolume-attach-detach-controller",
    eventSource: "attachdetach-controller",
    reconciles: Nodes as Kind,
    watches: [
      source(Nodes, (node, _old, change) => {
        if (change === "delete") attacher.noteLost(node);
        return [];
      }),
      source(Pods, (pod) => known((pod.spec?.volumes ?? []).length === 0 ? [] : [nodeOf(pod)])),
      source(PersistentVolumeClaims, (claim) => known(nodesOfClaim(keyOf(claim)))),
      source(PersistentVolumes, (volume) => known(nodesOfVolume(volume))),
      source(VolumeAttachments, (attachment, old, change) => {
        const { metadata, spec } = attachment;
        attacher.times?.observe(attachment, old, change === "delete");
        if (change === "delete") attacher.noteDetached(metadata.uid ?? "");
        const volume = volumes.get(spec.source.persistentVolumeName ?? "");
        return known([spec.nodeName, ...nodesOfVolume(volume)]);
      }),
    ],
    workers: 1,
    reconcile: (key, signal) => attacher.reconcile(key, signal),
  };
}

/** Pods without a node have the empty one. */
function known(names: readonly string[]): readonly string[] {
  return [...new Set(names)].filter((name) => name !== "");
}

class Attacher {
  /** Undefined: nobody reads the metrics. */
  readonly times: OperationTimes | undefined;
  readonly #counts: VolumeCounts | undefined;
  readonly #context: ControllerContext;
  readonly #world: VolumeWorld;
  readonly #pods;
  readonly #nodes;
  readonly #attachments;
  /** By unique name of the volume. */
  readonly #made: OwnWrites;
  /** Since when an attachment is not wanted, by its uid, on the monotonic clock. Bounded by the attachments. */
  readonly #unwanted = new Map<string, number>();
  /** What nodes that are gone had mounted. Bounded by such nodes with attachments. */
  readonly #lost = new Map<string, readonly string[]>();
  /** What a pod was told of a volume last. Bounded by the waiting pods of the nodes. */
  readonly #told = new Map<string, Map<string, string>>();

  constructor(context: ControllerContext) {
    const { clock, informers, metrics } = context;
    this.times = metrics && new OperationTimes(clock, metrics);
    this.#counts = metrics && new VolumeCounts(metrics);
    const attachments = informers.informer(VolumeAttachments);
    const claims = informers.lister(PersistentVolumeClaims);
    const volumes = informers.lister(PersistentVolumes);
    const drivers = informers.lister(CSIDrivers);
    this.#context = context;
    this.#pods = informers.lister(Pods);
    this.#nodes = informers.lister(Nodes);
    this.#attachments = attachments.lister;
    this.#made = new OwnWrites(context.clock, attachments);
    this.#world = {
      claim: (key) => claims.get(key),
      volume: (name) => volumes.get(name),
      driver: (name) => drivers.get(name),
    };
  }

  noteDetached(uid: string): void {
    this.#unwanted.delete(uid);
  }

  noteLost({ metadata, status }: Node): void {
    this.#lost.set(metadata.name, status?.volumesInUse ?? []);
  }

  async reconcile(name: string, signal: AbortSignal): Promise<Result> {
    const node = this.#nodes.get(name);
    const wanted = this.#wanted(name);
    const present = this.#present(name, wanted);
    this.#count(name, wanted, present);
    if (node !== undefined || present.length === 0) this.#forgetLost(name, node);
    const p = plan({
      name,
      node,
      inUse: node === undefined ? this.#lost.get(name) : (node.status?.volumesInUse ?? []),
      wanted,
      present,
      elsewhere: (volume) => this.#elsewhere(volume, name),
      isBeingMade: (uniqueName) => !this.#made.settled(uniqueName),
    });
    this.#tell(name, wanted, present, p.refused);
    // A volume that is about to go is no longer reported: no kubelet may begin to mount it.
    if (node !== undefined) await this.#report(node, p.volumesAttached, signal);
    for (const one of p.detach) await this.#detach(name, one, signal);
    for (const attachment of p.attach) await this.#attach(attachment, signal);
    return p.waitMs === undefined ? {} : { requeueAfterMs: p.waitMs + 1 };
  }

  #count(node: string, wanted: readonly Wanted[], present: readonly Present[]): void {
    const attached = present.filter(({ attachment }) => attachment.status?.attached === true);
    this.#counts?.note(
      node,
      wanted.flatMap(({ volume }) => volume.spec?.csi?.driver ?? []),
      attached.map(({ attachment }) => attachment.spec.attacher),
    );
  }

  #forgetLost(name: string, node: Node | undefined): void {
    this.#lost.delete(name);
    if (node === undefined) this.#told.delete(name);
  }

  #wanted(node: string): readonly Wanted[] {
    const byName = new Map<string, { volume: PersistentVolume; pods: Pod[] }>();
    for (const pod of podsOnNode(this.#pods, node)) {
      if (isPodOver(pod)) continue;
      for (const volume of attachableVolumes(pod, this.#world)) {
        const entry = byName.get(volume.metadata.name);
        if (entry === undefined) byName.set(volume.metadata.name, { volume, pods: [pod] });
        else entry.pods.push(pod);
      }
    }
    return [...byName.values()];
  }

  #present(node: string, wanted: readonly Wanted[]): readonly Present[] {
    const names = new Set(wanted.map(({ volume }) => volume.metadata.name));
    const nowMs = this.#context.clock.monotonicMs();
    return this.#attachments.byIndex(BY_NODE, node).flatMap((attachment) => {
      const volumeName = attachment.spec.source.persistentVolumeName ?? "";
      const volume = this.#world.volume(volumeName);
      const uniqueName = volume === undefined ? undefined : uniqueNameOf(volume);
      const uid = attachment.metadata.uid ?? "";
      const isGoing = attachment.metadata.deletionTimestamp !== undefined;
      if (names.has(volumeName) || isGoing) this.#unwanted.delete(uid);
      else if (!this.#unwanted.has(uid)) this.#unwanted.set(uid, nowMs);
      if (uniqueName === undefined) return [];
      return [{ attachment, uniqueName, unwantedMs: nowMs - (this.#unwanted.get(uid) ?? nowMs) }];
    });
  }

  #elsewhere(
    volume: PersistentVolume,
    node: string,
  ): { readonly nodes: number; readonly pods: readonly Pod[] } {
    const others = this.#attachments
      .byIndex(BY_VOLUME, volume.metadata.name)
      .map(({ spec }) => spec.nodeName)
      .filter((name) => name !== node);
    const claim = claimKeyOf(volume);
    const users = claim === undefined ? [] : podsUsing(this.#pods, claim);
    return {
      nodes: others.length,
      pods: users.filter((pod) => others.includes(nodeOf(pod)) && !isPodOver(pod)),
    };
  }

  /** Each pod hears each message of a volume once. */
  #tell(
    node: string,
    wanted: readonly Wanted[],
    present: readonly Present[],
    refused: ReturnType<typeof plan>["refused"],
  ): void {
    const before = this.#told.get(node);
    const told = new Map<string, string>();
    const say = (
      pod: Pod,
      about: string,
      type: "Normal" | "Warning",
      reason: string,
      message: string,
    ): void => {
      const key = `${pod.metadata.uid}/${about}`;
      told.set(key, message);
      if (before?.get(key) !== message) this.#context.recorder.event(pod, type, reason, message);
    };
    for (const { uniqueName, pod, message } of refused)
      say(pod, uniqueName, "Warning", "FailedAttachVolume", message);
    for (const { volume, pods } of wanted) {
      const uniqueName = uniqueNameOf(volume)!;
      const attachment = present.find((one) => one.uniqueName === uniqueName)?.attachment;
      const outcome = attachment === undefined ? undefined : outcomeOf(attachment, volume);
      if (outcome === undefined) continue;
      for (const pod of pods.filter(isWaiting))
        say(pod, uniqueName, outcome.type, outcome.reason, outcome.message);
    }
    if (told.size === 0) this.#told.delete(node);
    else this.#told.set(node, told);
  }

  async #report(node: Node, volumesAttached: readonly AttachedVolume[], signal: AbortSignal): Promise<void> {
    if (equalJSON(volumesAttached, node.status?.volumesAttached ?? [])) return;
    const patch = { type: "merge", body: { status: { volumesAttached } } } as const;
    const options = { subresource: "status" };
    await unlessGone(this.#context.client.patch(Nodes, node.metadata, patch, signal, options));
  }

  async #detach(
    nodeName: string,
    { attachment, uniqueName, verify, forced }: Detachment,
    signal: AbortSignal,
  ) {
    if (verify && (await this.#isInUse(nodeName, uniqueName, signal)))
      throw new Error(`volume ${uniqueName} is still in use by node ${nodeName}, according to Node status`);
    this.times?.begin("volume_detach", attachment);
    const preconditions = { uid: attachment.metadata.uid! };
    await unlessGone(
      this.#context.client.delete(VolumeAttachments, attachment.metadata, signal, { preconditions }),
    );
    this.#unwanted.delete(attachment.metadata.uid!);
    if (forced === undefined) return;
    this.#context.metrics?.inc("attach_detach_controller_attachdetach_controller_forced_detaches", {
      reason: forced,
    });
  }

  async #isInUse(name: string, uniqueName: string, signal: AbortSignal): Promise<boolean> {
    try {
      const node = await this.#context.client.get(Nodes, { name }, signal);
      return node.status?.volumesInUse?.includes(uniqueName) === true;
    } catch (err) {
      if (isNotFound(err)) return false;
      throw err;
    }
  }

  async #attach(attachment: VolumeAttachment, signal: AbortSignal): Promise<void> {
    const volume = this.#world.volume(attachment.spec.source.persistentVolumeName ?? "");
    try {
      this.times?.begin("volume_attach", attachment);
      const created = await this.#context.client.create(VolumeAttachments, attachment, signal);
      this.#made.created(volume === undefined ? "" : (uniqueNameOf(volume) ?? ""), created);
    } catch (err) {
      if (!isAlreadyExists(err)) throw err;
    }
  }
}
