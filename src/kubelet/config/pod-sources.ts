/** Feeds the pods of this node, from the API and from the manifest folder, to their workers. @module */
import type { Clock, Logger } from "#apimachinery";
import type { EventRecorder } from "#client";
import { isTerminalPhase } from "#api/core/v1/pod-state";
import type { Node, Pod } from "#api/core/v1/types.gen";
import type { AllocationManager } from "../allocation/allocation-manager.ts";
import { isMirrorPod, uidOf } from "../container/pod-spec.ts";
import type { RuntimePod } from "../container/runtime-pod.ts";
import type { DeviceManager } from "../devicemanager/device-manager.ts";
import { admit, type AdmissionFailure, NODE_AFFINITY, type Rejection } from "../lifecycle/admit.ts";
import type { CriticalPodAdmission } from "../preemption/critical-pod-admission.ts";
import type { PodWorkers } from "../pod-workers/pod-workers.ts";
import type { ProberManager } from "../prober/prober-manager.ts";
import type { StatusManager } from "../status/status-manager.ts";
import type { MirrorPods } from "./mirror-pods.ts";

export interface PodSourcesOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly recorder: EventRecorder;
  readonly workers: PodWorkers;
  readonly status: StatusManager;
  readonly prober: ProberManager;
  readonly mirrors: MirrorPods;
  /** Static pods will come from a folder. */
  readonly hasManifests: boolean;
  readonly runtimePod: (uid: string) => RuntimePod | undefined;
  readonly allocatable: Readonly<Record<string, string>>;
  readonly allocation: AllocationManager;
  readonly devices: Pick<DeviceManager, "needs" | "admit">;
  /** Why the node takes no such pod: it lacks resources, or cannot do what the pod asks for, or shuts down. */
  readonly underPressure: (pod: Pod) => Rejection | undefined;
  readonly preemption: Pick<CriticalPodAdmission, "makeRoom">;
  /** A pod that did not run here before. */
  readonly onSeen: (uid: string) => void;
  readonly onRejection: (reason: string) => void;
  /** The API shows the pod so, mirrors too; `before` is as it was when it was seen last. */
  readonly onObserved: (pod: Pod, before: Pod | undefined) => void;
  /** The API has no such pod any more. */
  readonly onDeleted: (uid: string) => void;
  /** As it was seen last. */
  readonly node: () => Node | undefined;
  /** As it is in the API. */
  readonly fetchNode: (signal: AbortSignal) => Promise<Node>;
}

const MIRROR_RETRY_MS = 5000;
const REJECTED = "Pod was rejected: ";

export class PodSources {
  readonly #options: PodSourcesOptions;
  readonly #signal: AbortSignal;
  readonly #apiPods = new Map<string, Pod>();
  /** Pods that wait for a fresh look at the node, for their devices or for room; at most as many as are bound to it. */
  readonly #waiting = new Set<string>();
  /** Critical pods that room is made for: nobody else gets it. */
  readonly #preempting = new Map<string, Pod>();
  /** One preemption after another: each sees what the one before has taken. */
  #makingRoom: Promise<void> = Promise.resolve();
  /** Static pods that were refused: they stay so until their manifest changes, and with it their uid. */
  #refusedStatic: ReadonlySet<string> = new Set();
  #staticPods: ReadonlyMap<string, Pod> = new Map();
  /** Before the folder has been read, a mirror may still have its pod. */
  #staticPodsKnown: boolean;
  #mirroring: Promise<void> = Promise.resolve();

  constructor(options: PodSourcesOptions, signal: AbortSignal) {
    this.#options = options;
    this.#signal = signal;
    this.#staticPodsKnown = !options.hasManifests;
  }

  /** The object that carries the pod's status in the API. */
  apiPod(uid: string): Pod | undefined {
    const local = this.#staticPods.get(uid) ?? this.#options.workers.pod(uid);
    return this.#apiPods.get(uid) ?? (local === undefined ? undefined : this.#options.mirrors.of(local));
  }

  /** A pod is new in the API, or has changed. */
  apiPodSet(pod: Pod): void {
    const { workers, mirrors, onObserved } = this.#options;
    onObserved(pod, this.#apiPods.get(uidOf(pod)));
    if (isMirrorPod(pod)) {
      mirrors.seen(pod);
      this.#reconcileMirrors();
      return;
    }
    const uid = uidOf(pod);
    this.#apiPods.set(uid, pod);
    if (workers.has(uid) || this.#admit(pod)) this.#accept(pod);
  }

  #accept(pod: Pod): void {
    const { status, prober } = this.#options;
    const uid = uidOf(pod);
    prober.updatePod(pod);
    this.#update(pod);
    prober.podChanged(uid);
    status.podUpdated(uid);
  }

  /** What it was granted is known before its worker begins. */
  #update(pod: Pod): void {
    const { workers, allocation, runtimePod } = this.#options;
    workers.update(pod);
    allocation.podSet(pod, runtimePod(uidOf(pod)) !== undefined);
  }

  apiPodDeleted(pod: Pod): void {
    this.#options.onDeleted(uidOf(pod));
    if (isMirrorPod(pod)) {
      this.#options.mirrors.gone(pod);
      this.#reconcileMirrors();
      return;
    }
    this.#apiPods.delete(uidOf(pod));
    this.#options.workers.remove(uidOf(pod));
    this.#options.status.forget(uidOf(pod));
  }

  /** The manifest folder holds these pods and no others. */
  staticPodsSet(pods: readonly Pod[]): void {
    const { workers } = this.#options;
    const next = new Map(pods.map((pod) => [uidOf(pod), pod]));
    const gone = [...this.#staticPods.keys()].filter((uid) => !next.has(uid));
    this.#staticPods = next;
    this.#staticPodsKnown = true;
    for (const uid of gone) workers.remove(uid);
    this.#refusedStatic = new Set([...this.#refusedStatic].filter((uid) => next.has(uid)));
    for (const [uid, pod] of next) {
      if (workers.has(uid)) this.#update(pod);
      else if (!this.#refusedStatic.has(uid) && this.#admit(pod)) this.#accept(pod);
    }
    this.#reconcileMirrors();
  }

  /** Mirrors are owned by the node's object, and wait for it. */
  nodeRegistered(): void {
    this.#reconcileMirrors();
  }

  /** Mirrors follow static pods; one write at a time. */
  #reconcileMirrors(): void {
    this.#mirroring = this.#mirroring.then(() => this.#writeMirrors());
  }

  async #writeMirrors(): Promise<void> {
    const { clock, mirrors, logger, status } = this.#options;
    const wanted = new Set<Pod | undefined>();
    try {
      for (const [uid, pod] of this.#staticPods) {
        await mirrors.ensure(pod, this.#signal);
        wanted.add(mirrors.of(pod));
        status.podUpdated(uid);
      }
      if (!this.#staticPodsKnown) return;
      for (const mirror of mirrors.list()) {
        if (!wanted.has(mirror) && !this.#isMirrored(mirror)) await mirrors.remove(mirror, this.#signal);
      }
    } catch (err) {
      if (this.#signal.aborted) return;
      logger.warn("Writing mirror pods failed", { err });
      clock.after(MIRROR_RETRY_MS, () => this.#reconcileMirrors());
    }
  }

  #isMirrored(mirror: Pod): boolean {
    return [...this.#staticPods.values()].some((pod) => this.#options.mirrors.of(pod) === mirror);
  }

  /** A pod that runs already was admitted before a restart. A refused one fails for good. */
  #admit(pod: Pod): boolean {
    const { runtimePod, devices } = this.#options;
    const uid = uidOf(pod);
    const sandboxes = runtimePod(uid)?.sandboxes ?? [];
    if (isEnding(pod) || sandboxes.some(({ ready }) => ready)) return true;
    this.#options.onSeen(uid);
    if (this.#waiting.has(uid)) return false;
    if (devices.needs(pod)) {
      this.#waiting.add(uid);
      void this.#admitWithDevices(uid, pod);
      return false;
    }
    return sandboxes.length > 0 || this.#judge(pod);
  }

  #judge(pod: Pod): boolean {
    const uid = uidOf(pod);
    const rejection = this.#rejection(pod, this.#options.node());
    if (rejection?.reason !== NODE_AFFINITY) return this.#settle(pod, rejection);
    this.#waiting.add(uid);
    void this.#admitByFreshNode(uid, rejection);
    return false;
  }

  /** Whether the pod is taken now; it may be later, if room can be made. */
  #settle(pod: Pod, rejection: AdmissionFailure | undefined): boolean {
    const uid = uidOf(pod);
    if (rejection?.shortages !== undefined) {
      this.#waiting.add(uid);
      this.#makingRoom = this.#makingRoom.then(() => this.#admitByPreemption(uid));
      return false;
    }
    if (rejection !== undefined) this.#refuse(pod, rejection);
    return rejection === undefined;
  }

  /** A critical pod takes the place of others, unless it fits meanwhile. */
  async #admitByPreemption(uid: string): Promise<void> {
    const { allocation, preemption, workers, logger } = this.#options;
    const asked = this.#wanted(uid);
    if (asked === undefined) return void this.#waiting.delete(uid);
    let rejection = this.#rejection(asked, this.#options.node());
    if (rejection?.shortages !== undefined) {
      const wanted = allocation.allocatedPod(asked);
      this.#preempting.set(uid, wanted);
      try {
        rejection = await preemption.makeRoom(wanted, rejection.shortages, this.#signal);
      } catch (err) {
        logger.error("Making room for a critical pod failed", { uid, err });
      }
    }
    if (this.#signal.aborted) return;
    this.#waiting.delete(uid);
    this.#preempting.delete(uid);
    const pod = this.#wanted(uid);
    if (pod === undefined || workers.has(uid)) return;
    if (isEnding(pod) || rejection === undefined) this.#accept(pod);
    else this.#refuse(pod, rejection);
  }

  /** The pod as its source has it now. */
  #wanted(uid: string): Pod | undefined {
    return this.#apiPods.get(uid) ?? this.#staticPods.get(uid);
  }

  mirrorCount(): number {
    return this.#options.mirrors.list().length;
  }

  /** Pods that are not accepted yet, though they may hold devices. */
  waitingPods(): readonly Pod[] {
    return [...this.#waiting].flatMap((uid) => this.#wanted(uid) ?? []);
  }

  /** Its devices come first, then all else, which may have changed meanwhile. After a reboot too: they may be gone. */
  async #admitWithDevices(uid: string, asked: Pod): Promise<void> {
    const { workers, devices, allocation, underPressure } = this.#options;
    let rejection = underPressure(asked);
    try {
      rejection ??= await devices.admit(allocation.allocatedPod(asked), this.#signal);
    } catch (err) {
      if (this.#signal.aborted) return;
      throw err;
    }
    this.#waiting.delete(uid);
    const pod = this.#wanted(uid);
    if (pod === undefined || workers.has(uid)) return;
    if (isEnding(pod) || (rejection === undefined && this.#judge(pod))) this.#accept(pod);
    else if (rejection !== undefined) this.#refuse(pod, rejection);
  }

  /** The scheduler may have seen labels of the node that the kubelet has yet to see: it asks, before it fails a pod for good. */
  async #admitByFreshNode(uid: string, stale: Rejection): Promise<void> {
    const { workers, fetchNode, logger } = this.#options;
    let node: Node | undefined;
    try {
      node = await fetchNode(this.#signal);
    } catch (err) {
      if (this.#signal.aborted) return;
      logger.warn("Reading the node for the admission of a pod failed", { err });
    }
    this.#waiting.delete(uid);
    const pod = this.#wanted(uid);
    if (pod === undefined || workers.has(uid)) return;
    const rejection = node === undefined ? stale : this.#rejection(pod, node);
    if (this.#settle(pod, rejection)) this.#accept(pod);
  }

  #rejection(pod: Pod, node: Node | undefined): AdmissionFailure | undefined {
    const { allocation, allocatable, underPressure } = this.#options;
    const others = this.#holders(uidOf(pod));
    return underPressure(pod) ?? admit(allocation.allocatedPod(pod), others, allocatable, node);
  }

  /** Who has, or is about to have, resources of the node, beside the pod itself. */
  #holders(uid: string): readonly Pod[] {
    const { workers, allocation } = this.#options;
    const held = workers.activePods().map((other) => allocation.heldPod(other));
    return [...held, ...this.#preempting.values()].filter((other) => uidOf(other) !== uid);
  }

  #refuse(pod: Pod, { reason, message }: Rejection): void {
    const { status, recorder, onRejection } = this.#options;
    const uid = uidOf(pod);
    if (this.#staticPods.has(uid)) this.#refusedStatic = new Set([...this.#refusedStatic, uid]);
    recorder.event(pod, "Warning", reason, message.slice(message.startsWith(REJECTED) ? REJECTED.length : 0));
    status.set(pod, { ...pod.status, phase: "Failed", reason, message });
    onRejection(reason);
  }
}

function isEnding({ metadata, status }: Pod): boolean {
  return metadata.deletionTimestamp !== undefined || isTerminalPhase(status?.phase);
}
