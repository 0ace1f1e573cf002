/** Volumes of pods on this node: made before the containers, refreshed when their sources change, removed after. @module */
import type { Client } from "#client";
import type { Pod, Volume } from "#api/core/v1/types.gen";
import { uidOf } from "../container/pod-spec.ts";
import type { CsiDevices } from "./csi/csi-devices.ts";
import type { CsiPlugin } from "./csi/csi-plugin.ts";
import {
  MountError,
  NotAttachedError,
  OperationError,
  operationError,
  type VolumeEvent,
  type VolumeRejection,
} from "./mount-error.ts";
import type { MountedVolume, MountedVolumes } from "./mounted-volume.ts";
import type { PayloadSources } from "./payload.ts";
import { pluginName } from "./plugin-name.ts";
import { NoPluginError, setUpVolume, type VolumeTools } from "./set-up-volume.ts";
import { resolveVolume, usedVolumes, type VolumeSpec } from "./volume-spec.ts";

export interface VolumeManagerOptions extends VolumeTools {
  readonly client: Pick<Client, "get">;
  readonly csi: Pick<CsiPlugin, "setUp" | "tearDown" | "run" | "load">;
  /** What an earlier kubelet left, and the disk does not explain. */
  readonly unknown: Pick<CsiDevices, "unknownOf" | "forgetUnknown">;
  /** So many of those went with the folder of their pod, or could not. */
  readonly onForceCleaned?: (volumes: number, failed: boolean) => void;
  /** The node takes no more volumes of that driver. */
  readonly isExhausted: (spec: VolumeSpec, signal: AbortSignal) => Promise<boolean>;
  /** The pod waits no longer for what it waited for. */
  readonly wake: (uid: string) => void;
  /** Called before the folder of a pod goes, whose image volumes are named. */
  readonly releaseImages: (uid: string, signal: AbortSignal) => Promise<void>;
}

type Attempt = { readonly name: string } & (
  | { readonly mounted: MountedVolume }
  | { readonly failed: "process" | "operation"; readonly problem: Error }
  | { readonly failed: "attach"; readonly problem: Error; readonly spec: VolumeSpec }
);

type Failure = Extract<Attempt, { failed: string }>;

const DEADLINE = "context deadline exceeded";
/** How long volumes may take before that is told; upstream's podAttachAndMountTimeout. */
const TIMEOUT_MS = 123_000;
/** How often pods with claims are looked at again, for what their drivers or their sizes ask for. */
const RESYNC_MS = 60_000;

export class VolumeManager {
  readonly #options: VolumeManagerOptions;
  /** What each pod has. Bounded by the node's pods. */
  readonly #mounted = new Map<string, Map<string, MountedVolume>>();
  /** Of what plugin each volume is that a pod is to have. */
  readonly #wanted = new Map<string, ReadonlyMap<string, string>>();
  /** The same of those that it has. */
  readonly #plugins = new Map<string, ReadonlyMap<string, string>>();
  /** Since when, or since the last word of it, a pod waits. */
  readonly #waitingSinceMs = new Map<string, number>();
  readonly #resyncAtMs = new Map<string, number>();

  constructor(options: VolumeManagerOptions) {
    this.#options = options;
  }

  podDir(uid: string): string {
    return `${this.#options.rootDir}/pods/${uid}`;
  }

  /** Before the node's status is written, or a pod is started: learns what an earlier kubelet left. */
  load(): Promise<void> {
    return this.#options.csi.load();
  }

  /** What goes on in the background, until `signal` aborts. */
  run(signal: AbortSignal): Promise<void> {
    return this.#options.csi.run(signal);
  }

  /** Another volume may be attached, or another driver here. */
  sourcesChanged(): void {
    for (const uid of this.#waitingSinceMs.keys()) this.#options.wake(uid);
  }

  /** What the pod has mounted, by name. */
  mountedOf(uid: string): MountedVolumes {
    return this.#mounted.get(uid) ?? new Map();
  }

  /** How many volumes of each plugin pods have here, and are to have. */
  pluginCounts(): {
    readonly actual: ReadonlyMap<string, number>;
    readonly desired: ReadonlyMap<string, number>;
  } {
    return { actual: countPlugins(this.#plugins), desired: countPlugins(this.#wanted) };
  }

  /** When the pod's volumes are to be looked at again though nothing has changed. */
  resyncAtMs(uid: string): number | undefined {
    return this.#resyncAtMs.get(uid);
  }

  /** Makes or refreshes every volume that the pod's containers use. Idempotent. Throws `MountError`. */
  async mount(pod: Pod, sources: PayloadSources, signal: AbortSignal): Promise<MountedVolumes> {
    const uid = uidOf(pod);
    const volumes = usedVolumes(pod);
    const attempts = await Promise.all(volumes.map((one) => this.#attempt(pod, one, sources, signal)));
    signal.throwIfAborted();
    const mounted = new Map(
      attempts.flatMap((one) => ("mounted" in one ? [[one.name, one.mounted] as const] : [])),
    );
    this.#mounted.set(uid, mounted);
    this.#planResync(uid, mounted);
    const failures = attempts.filter((one) => "failed" in one);
    if (failures.length === 0) {
      this.#waitingSinceMs.delete(uid);
      return mounted;
    }
    const events = failures.flatMap(({ problem }) => eventOf(problem) ?? []);
    const isLate = this.#isLate(uid);
    const rejection = isLate ? await this.#rejection(failures, signal) : undefined;
    if (rejection !== undefined) throw new MountError([], failures[0]!.problem, rejection);
    const summary = summaryEvent(failures, isLate);
    throw new MountError([...events, ...(summary === undefined ? [] : [summary])], failures[0]!.problem);
  }

  /** Unmounts and removes everything of the pod. */
  async unmount(uid: string, signal: AbortSignal): Promise<void> {
    const { host, csi, localPaths, releaseImages, clock, onOperation } = this.#options;
    const startMs = clock.monotonicMs();
    this.#waitingSinceMs.delete(uid);
    this.#resyncAtMs.delete(uid);
    const dir = this.podDir(uid);
    // They lie on top of the volumes, which could not be unmounted below them.
    await host.unmountBelow(`${dir}/volume-subpaths`);
    await csi.tearDown(uid, signal);
    await releaseImages(uid, signal);
    await this.#removeFolder(uid, dir);
    this.#mounted.delete(uid);
    const seconds = (clock.monotonicMs() - startMs) / 1000;
    for (const plugin of this.#plugins.get(uid)?.values() ?? [])
      onOperation?.(plugin, "volume_unmount", "success", seconds);
    this.#plugins.delete(uid);
    this.#wanted.delete(uid);
    localPaths.unmounted(uid);
  }

  async #removeFolder(uid: string, dir: string): Promise<void> {
    const { host, unknown, onForceCleaned } = this.#options;
    const count = unknown.unknownOf(uid);
    try {
      await host.removeTree(dir);
    } catch (err) {
      onForceCleaned?.(count, true);
      throw err;
    }
    onForceCleaned?.(count, false);
    unknown.forgetUnknown(uid);
  }

  /** Uids of pods that have left files, for the clean-up after a restart. */
  podsOnDisk(): Promise<readonly string[]> {
    return this.#options.host.list(`${this.#options.rootDir}/pods`);
  }

  async #attempt(pod: Pod, volume: Volume, sources: PayloadSources, signal: AbortSignal): Promise<Attempt> {
    const { name } = volume;
    let spec: VolumeSpec;
    try {
      spec = await resolveVolume(this.#options.client, pod, volume, signal);
    } catch (err) {
      // A pod keeps the volume that it has, whatever becomes of the claim.
      const known = this.#mounted.get(uidOf(pod))?.get(name);
      if (known !== undefined) return { name, mounted: known };
      return { name, failed: "process", problem: err as Error };
    }
    const { clock, onOperation } = this.#options;
    const wanted = this.#wanted.get(uidOf(pod));
    this.#wanted.set(uidOf(pod), new Map(wanted).set(name, pluginName(spec)));
    const startMs = clock.monotonicMs();
    const ended = (status: "success" | "fail-unknown"): void =>
      onOperation?.(pluginName(spec), "volume_mount", status, (clock.monotonicMs() - startMs) / 1000);
    try {
      const mounted = await setUpVolume(this.#options, pod, spec, sources, signal);
      ended("success");
      this.#plugins.set(uidOf(pod), new Map(this.#plugins.get(uidOf(pod))).set(name, pluginName(spec)));
      return { name, mounted };
    } catch (err) {
      if (!signal.aborted && !(err instanceof NotAttachedError)) ended("fail-unknown");
      if (err instanceof NoPluginError) return { name, failed: "process", problem: err };
      if (err instanceof NotAttachedError) return { name, failed: "attach", problem: err, spec };
      const problem = operationError("MountVolume.SetUp failed", spec.name, err);
      return { name, failed: "operation", problem };
    }
  }

  #planResync(uid: string, mounted: MountedVolumes): void {
    const isDriven = [...mounted.values()].some(({ measure }) => typeof measure === "object");
    if (isDriven) this.#resyncAtMs.set(uid, this.#options.clock.now() + RESYNC_MS);
    else this.#resyncAtMs.delete(uid);
  }

  /** True each time that the pod has waited for too long. */
  #isLate(uid: string): boolean {
    const nowMs = this.#options.clock.now();
    const sinceMs = this.#waitingSinceMs.get(uid) ?? nowMs;
    const isLate = nowMs - sinceMs >= TIMEOUT_MS;
    this.#waitingSinceMs.set(uid, isLate ? nowMs : sinceMs);
    return isLate;
  }

  /** Undefined: the pod is to go on waiting. */
  async #rejection(failures: readonly Failure[], signal: AbortSignal): Promise<VolumeRejection | undefined> {
    for (const failure of failures) {
      if (failure.failed !== "attach" || !(await this.#options.isExhausted(failure.spec, signal))) continue;
      const message = `Node has reached its volume attachment limit, rejecting pod. ${told(failures)}: ${DEADLINE}`;
      return { reason: "VolumeAttachmentLimitExceeded", message };
    }
    return undefined;
  }
}

/** Claims that cannot be used are told at once; anything else when it has taken too long. */
function summaryEvent(failures: readonly Failure[], isLate: boolean): VolumeEvent | undefined {
  const unprocessed = failures.filter(({ failed }) => failed === "process");
  if (unprocessed.length === 0 && !isLate) return undefined;
  const problems = unprocessed.map(({ problem: { message } }) => message);
  const problem = unprocessed.length > 0 ? problems.join("; ") : DEADLINE;
  return {
    reason: "FailedMount",
    message: `Unable to attach or mount volumes: ${told(failures)}: ${problem}`,
  };
}

/** As upstream tells of volumes that a pod does not have. */
function told(failures: readonly Failure[]): string {
  const of = (why: Failure["failed"]): string => names(failures.filter(({ failed }) => failed === why));
  return `unmounted volumes=${names(failures)}, unattached volumes=${of("attach")}, failed to process volumes=${of("process")}`;
}

function eventOf(problem: Error): VolumeEvent | undefined {
  return problem instanceof OperationError ? { reason: problem.reason, message: problem.message } : undefined;
}

function countPlugins(pods: ReadonlyMap<string, ReadonlyMap<string, string>>): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const plugins of pods.values())
    for (const plugin of plugins.values()) counts.set(plugin, (counts.get(plugin) ?? 0) + 1);
  return counts;
}

/** As upstream prints lists. */
function names(list: readonly { readonly name: string }[]): string {
  const sorted = list.map(({ name }) => name).toSorted();
  return `[${sorted.join(" ")}]`;
}
