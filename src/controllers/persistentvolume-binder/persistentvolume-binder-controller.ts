/** Binds claims to volumes, and releases volumes whose claims are gone. @module */
import type { Kind, KubeObject, ObjectKey } from "#apimachinery";
import { keyOf, splitKey } from "#apimachinery";
import { Nodes } from "#api/core/v1/node";
import { PersistentVolumes } from "#api/core/v1/persistentvolume";
import { PersistentVolumeClaims } from "#api/core/v1/persistentvolumeclaim";
import { Pods } from "#api/core/v1/pod";
import { givenStorageClass, storageClassOf } from "#api/core/v1/storage-class-name";
import type { Node, PersistentVolume, PersistentVolumeClaim, Pod } from "#api/core/v1/types.gen";
import { StorageClasses } from "#api/storage/v1/storageclass";
import type { StorageClass } from "#api/storage/v1/types.gen";
import type { Lister } from "#client";
import type { Controller, ControllerContext, Result } from "#controller-runtime";
import { source } from "#controller-runtime";
import { LastWrites } from "../last-writes.ts";
import { unlessGone } from "../unless-gone.ts";
import {
  BETA_STORAGE_PROVISIONER,
  claimKeyOf,
  claimsOfPod,
  indexPodsByClaim,
  nodeOf,
  podsUsing,
  SELECTED_NODE,
  STORAGE_PROVISIONER,
} from "../volume/claims.ts";
import { annotated, boundClaim, boundClaimStatus, boundVolume, claimInPhase, unboundVolume } from "./bind.ts";
import type { ClaimPlan, VolumeEvent } from "./plan-claim.ts";
import { planClaim } from "./plan-claim.ts";
import { planVolume } from "./plan-volume.ts";
import { countVolumes } from "./volume-metrics.ts";

/**
 * Safe on a stale cache: one worker decides about claims (keys with a namespace) and volumes (keys without); every write
 * carries the resourceVersion that it was decided on, and objects are left alone until the cache shows the last write.
 */
export function persistentVolumeBinderController(context: ControllerContext): Controller {
  const binder = new Binder(context);
  return {
    name: "persistentvolume-binder-controller",
    eventSource: "persistentvolume-controller",
    reconciles: PersistentVolumeClaims as Kind,
    watches: [
      source(PersistentVolumeClaims, (claim) => volumeKeys(claim)),
      source(PersistentVolumes, (volume, _old, change) => binder.concernedByVolume(volume, change)),
      source(StorageClasses, (storageClass) => binder.concernedByClass(storageClass)),
      source(Pods, (pod, old) => (old !== undefined && nodeOf(pod) === nodeOf(old) ? [] : claimsOfPod(pod))),
    ],
    workers: 1,
    reconcile: (key, signal) => binder.reconcile(key, signal),
  };
}

class Binder {
  readonly #context: ControllerContext;
  readonly #claims: Lister<PersistentVolumeClaim>;
  readonly #volumes: Lister<PersistentVolume>;
  readonly #classes: Lister<StorageClass>;
  readonly #pods: Lister<Pod>;
  readonly #nodes: Lister<Node>;
  readonly #lastWrites = new LastWrites();

  constructor(context: ControllerContext) {
    const { informers, metrics } = context;
    if (metrics !== undefined)
      countVolumes(
        metrics,
        informers.informer(PersistentVolumes),
        informers.informer(PersistentVolumeClaims),
      );
    const pods = informers.informer(Pods);
    indexPodsByClaim(pods);
    this.#context = context;
    this.#claims = informers.lister(PersistentVolumeClaims);
    this.#volumes = informers.lister(PersistentVolumes);
    this.#classes = informers.lister(StorageClasses);
    this.#pods = pods.lister;
    this.#nodes = informers.lister(Nodes);
  }

  async reconcile(key: ObjectKey, signal: AbortSignal): Promise<Result> {
    const isClaim = (splitKey(key).namespace ?? "") !== "";
    const object = isClaim ? this.#claims.get(key) : this.#volumes.get(key);
    if (object === undefined) this.#lastWrites.forget(key);
    else if (this.#lastWrites.isBehind(object)) return {};
    else if (isClaim) await this.#syncClaim(object as PersistentVolumeClaim, signal);
    else await this.#syncVolume(object as PersistentVolume, signal);
    return {};
  }

  async #syncClaim(claim: PersistentVolumeClaim, signal: AbortSignal): Promise<void> {
    const users = podsUsing(this.#pods, keyOf(claim));
    const assigned = users.find((pod) => nodeOf(pod) !== "");
    const waiting = users.filter((pod) => nodeOf(pod) === "" && pod.metadata.deletionTimestamp === undefined);
    const p = planClaim(claim, {
      volumes: this.#volumes.list(),
      classes: this.#classes.list(),
      waitingPods: waiting.map(({ metadata }) => metadata.name),
      consumerNode: assigned && this.#nodes.get(nodeOf(assigned)),
    });
    await this.#carryOut(claim, p, signal);
    this.#tell(claim, p.events);
    if (p.error !== undefined) throw new Error(p.error);
  }

  async #carryOut(claim: PersistentVolumeClaim, p: ClaimPlan, signal: AbortSignal): Promise<void> {
    const annotate = (more: Readonly<Record<string, string>>): Promise<PersistentVolumeClaim | undefined> =>
      this.#update(
        PersistentVolumeClaims,
        { ...claim, metadata: annotated(claim.metadata, more) },
        claim,
        signal,
      );
    switch (p.do) {
      case "nothing":
        return;
      case "bind":
        return await this.#bind(claim, p.volume, signal);
      case "phase":
        await this.#updateStatus(PersistentVolumeClaims, claimInPhase(claim, p.phase), claim, signal);
        return;
      case "set-class": {
        const spec = { ...claim.spec, storageClassName: p.className };
        const { metrics } = this.#context;
        metrics?.inc("retroactive_storageclass_total", {});
        try {
          await this.#update(PersistentVolumeClaims, { ...claim, spec }, claim, signal);
        } catch (err) {
          metrics?.inc("retroactive_storageclass_errors_total", {});
          throw err;
        }
        return;
      }
      case "select-node":
        await annotate({ [SELECTED_NODE]: p.node });
        return;
      case "provision":
        await annotate({ [STORAGE_PROVISIONER]: p.provisioner, [BETA_STORAGE_PROVISIONER]: p.provisioner });
    }
  }

  /** The volume first: from then on no other claim can take it. Stopped half way, the next round goes on from there. */
  async #bind(claim: PersistentVolumeClaim, volume: PersistentVolume, signal: AbortSignal): Promise<void> {
    const taken = await this.#update(PersistentVolumes, boundVolume(volume, claim), volume, signal);
    if (taken === undefined) return;
    const marked =
      taken.status?.phase === "Bound" ? taken : { ...taken, status: { ...taken.status, phase: "Bound" } };
    await this.#updateStatus(PersistentVolumes, marked, taken, signal);
    const named = await this.#update(PersistentVolumeClaims, boundClaim(claim, volume), claim, signal);
    if (named === undefined) return;
    await this.#updateStatus(PersistentVolumeClaims, boundClaimStatus(named, volume), named, signal);
  }

  async #syncVolume(volume: PersistentVolume, signal: AbortSignal): Promise<void> {
    const claim = await this.#claimOf(volume, signal);
    const p = planVolume(volume, claim);
    if (p.do === "phase") {
      const { phase, message } = p;
      const { message: _old, ...status } = volume.status ?? {};
      const next = { ...volume, status: { ...status, phase, ...(message !== undefined && { message }) } };
      await this.#updateStatus(PersistentVolumes, next, volume, signal);
    }
    if (p.do === "unbind") {
      const unbound = await this.#update(PersistentVolumes, unboundVolume(volume), volume, signal);
      if (unbound === undefined) return;
      const available = { ...unbound, status: { ...unbound.status, phase: "Available" } };
      await this.#updateStatus(PersistentVolumes, available, unbound, signal);
    }
    this.#tell(volume, p.events);
    if (claim !== undefined) this.#tell(claim, p.claimEvents ?? []);
  }

  /** A volume is released only when the API server itself says that the claim is gone. */
  async #claimOf(volume: PersistentVolume, signal: AbortSignal): Promise<PersistentVolumeClaim | undefined> {
    const { uid = "", name = "", namespace = "" } = volume.spec?.claimRef ?? {};
    if (uid === "") return undefined;
    const cached = this.#claims.get(`${namespace}/${name}`);
    if (cached?.metadata.uid === uid) return cached;
    if (volume.status?.phase === "Released" || volume.status?.phase === "Failed") return undefined;
    const fresh = await unlessGone(
      this.#context.client.get(PersistentVolumeClaims, { namespace, name }, signal),
    );
    return fresh?.metadata.uid === uid ? fresh : undefined;
  }

  /** `next` is `old` itself when there is nothing to write. Undefined: the object is gone. */
  async #update<T extends KubeObject>(
    kind: Kind<T>,
    next: T,
    old: T,
    signal: AbortSignal,
  ): Promise<T | undefined> {
    if (next === old) return old;
    const written = await unlessGone(this.#context.client.update(kind, next, signal));
    this.#lastWrites.note(written);
    return written;
  }

  async #updateStatus<T extends KubeObject>(
    kind: Kind<T>,
    next: T,
    old: T,
    signal: AbortSignal,
  ): Promise<void> {
    if (next !== old)
      this.#lastWrites.note(await unlessGone(this.#context.client.updateStatus(kind, next, signal)));
  }

  #tell(about: KubeObject, events: readonly VolumeEvent[]): void {
    for (const { type, reason, message } of events)
      this.#context.recorder.event(about, type, reason, message);
  }

  /** The volume, its claim, and claims that may take it now. */
  concernedByVolume(volume: PersistentVolume, change: "add" | "update" | "delete"): readonly ObjectKey[] {
    const claimKey = claimKeyOf(volume);
    const bound = claimKey === undefined ? [] : [claimKey];
    const naming = this.#claims
      .list()
      .filter(({ spec }) => spec?.volumeName === volume.metadata.name)
      .map(keyOf);
    if (change === "delete") return [...bound, ...naming];
    const isFree = claimKey === undefined && volume.status?.phase === "Available";
    const waiting = isFree
      ? this.#waiting().filter((claim) => storageClassOf(claim) === storageClassOf(volume))
      : [];
    return [volume.metadata.name, ...bound, ...naming, ...waiting.map(keyOf)];
  }

  concernedByClass({ metadata }: StorageClass): readonly ObjectKey[] {
    const concerned = this.#waiting().filter(
      (claim) => givenStorageClass(claim) === undefined || storageClassOf(claim) === metadata.name,
    );
    return concerned.map(keyOf);
  }

  #waiting(): readonly PersistentVolumeClaim[] {
    return this.#claims.list().filter(({ spec }) => (spec?.volumeName ?? "") === "");
  }
}

function volumeKeys({ spec }: PersistentVolumeClaim): readonly ObjectKey[] {
  const name = spec?.volumeName ?? "";
  return name === "" ? [] : [name];
}
