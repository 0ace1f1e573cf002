/** CSI volumes of this node's pods: attached, staged, published, made larger, and all of it undone. @module */
import { pause, WakeablePause } from "#apimachinery";
import type { Node, Pod } from "#api/core/v1/types.gen";
import type { CSIDriver } from "#api/storage/v1/types.gen";
import { uidOf } from "../../container/pod-spec.ts";
import { KeyedLock } from "../../keyed-lock.ts";
import { NotAttachedError, OperationError, operationError } from "../mount-error.ts";
import type { VolumeSpec } from "../volume-spec.ts";
import { mapVolume } from "./csi-block.ts";
import type { CsiVolumeStats } from "./csi-client.ts";
import { type CsiMountInput, publishVolume, stageVolume } from "./csi-mount.ts";
import { uniqueVolumeName } from "./csi-paths.ts";
import { unpublishAll, unstage } from "./csi-teardown.ts";
import { type CsiTools, driverOf } from "./csi-tools.ts";
import { type CsiVolume, csiError, csiVolumeOf } from "./csi-volume.ts";
import { expandVolume } from "./csi-expand.ts";
import { planExpansion } from "./expansion-plan.ts";

export interface CsiPluginOptions extends CsiTools {
  /** The node as the API shows it; what is attached to it stands there. */
  readonly node: () => Node | undefined;
  /** The node's SELinux is on: files need labels that nothing here sets. */
  readonly hasSELinux: boolean;
}

interface Published {
  readonly path: string;
  atMs: number;
  /** As far as this kubelet knows. */
  size: string | undefined;
}

/** Drivers that ask for it are called again with each sync of the pod, but not more often than this. */
const REPUBLISH_MIN_MS = 5_000;
const RETRY_MIN_MS = 500;
const RETRY_MAX_MS = 122_000;

export class CsiPlugin {
  readonly #options: CsiPluginOptions;
  /** By pod and unique name. Bounded by the volumes of the node's pods. */
  readonly #published = new Map<string, Published>();
  readonly #locks = new KeyedLock();
  readonly #rest: WakeablePause;

  constructor(options: CsiPluginOptions) {
    this.#options = options;
    this.#rest = new WakeablePause(options.clock);
  }

  /** Before anything else: what is in use must be known before the node reports it. */
  load(): Promise<void> {
    const { devices, host, rootDir } = this.#options;
    return devices.load(host, rootDir);
  }

  /** Resolves to the path of the volume, or of its device. Throws `NotAttachedError` while it is to wait. */
  async setUp(pod: Pod, spec: VolumeSpec, signal: AbortSignal): Promise<string> {
    const volume = csiVolumeOf(pod, spec);
    if (volume === undefined) throw csiError("volume source not found in volume.Spec");
    const object = await this.#options.objects.get(volume.driver, signal);
    this.#checkSELinux(pod, volume, object);
    const name = uniqueVolumeName(volume.driver, volume.handle);
    const key = `${uidOf(pod)} ${name}`;
    const isAttachable = volume.lifecycle === "Persistent" && object?.spec.attachRequired !== false;
    const id = {
      driver: volume.driver,
      handle: volume.handle,
      blockSpecName: volume.isBlock ? volume.specName : undefined,
    };
    // A volume that is about to be given up is waited for, and then taken anew.
    const device = await this.#locks.run([name], async () =>
      this.#options.devices.acquire(id, uidOf(pod), isAttachable),
    );
    if (!this.#published.has(key) && isAttachable && !this.#isAttached(name))
      throw new NotAttachedError(`volume ${name} is not yet in node's status`);
    return this.#locks.run([name], async () => {
      signal.throwIfAborted();
      const input = { pod, volume, object, device };
      const known = this.#published.get(key);
      if (known !== undefined) {
        await this.#refresh(input, spec, known, signal);
        return known.path;
      }
      const path = await this.#mount(input, false, signal);
      const published: Published = { path, atMs: this.#now(), size: undefined };
      await this.#expand(pod, spec, volume, published, signal);
      this.#published.set(key, published);
      return path;
    });
  }

  /** The pod has the volume: what fails now is told, and does not keep its containers from running. */
  async #refresh(
    input: CsiMountInput,
    spec: VolumeSpec,
    published: Published,
    signal: AbortSignal,
  ): Promise<void> {
    const { pod, volume, object } = input;
    try {
      if (this.#isRepublishDue(object, published)) {
        published.atMs = this.#now();
        await this.#mount(input, true, signal);
      }
      await this.#expand(pod, spec, volume, published, signal);
    } catch (err) {
      if (!(err instanceof OperationError)) throw err;
      this.#options.recorder.event(pod, "Warning", err.reason, err.message);
    }
  }

  /** Every CSI volume of the pod. The node's part of them follows in the background. */
  async tearDown(uid: string, signal: AbortSignal): Promise<void> {
    const { devices } = this.#options;
    const names = devices.usedBy(uid);
    await unpublishAll(this.#options, uid, signal);
    for (const name of names) this.#published.delete(`${uid} ${name}`);
    if (devices.unused().length > 0) this.#rest.wake();
  }

  /** Gives up the node's part of volumes that no pod uses, until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, logger, devices } = this.#options;
    for (let delayMs = RETRY_MIN_MS; !signal.aborted;) {
      let hasFailed = false;
      for (const { name } of devices.unused()) {
        try {
          await this.#giveUp(name, signal);
        } catch (err) {
          if (signal.aborted) return;
          hasFailed = true;
          logger.warn("Unstaging a volume failed", { volume: name, reason: (err as Error).message });
        }
      }
      if (hasFailed) {
        await pause(clock, delayMs, signal);
        delayMs = Math.min(delayMs * 2, RETRY_MAX_MS);
      } else {
        delayMs = RETRY_MIN_MS;
        await this.#rest.wait(undefined, signal);
      }
    }
  }

  /** Undefined: the driver does not measure, or is not here. */
  async stats(
    driver: string,
    handle: string,
    path: string,
    signal: AbortSignal,
  ): Promise<CsiVolumeStats | undefined> {
    const node = driverOf(this.#options, driver, "NodeGetVolumeStats failed to get CSI client");
    if (!(await node.capabilities(signal)).has("GET_VOLUME_STATS")) return undefined;
    return node.stats(handle, path, signal);
  }

  #giveUp(name: string, signal: AbortSignal): Promise<void> {
    const { devices } = this.#options;
    return this.#locks.run([name], async () => {
      const device = devices.get(name);
      if (device === undefined || device.users.size > 0) return;
      await unstage(this.#options, device, signal);
      device.isStaged = false;
      if (device.users.size === 0) devices.forget(name);
    });
  }

  async #mount(input: CsiMountInput, isRemount: boolean, signal: AbortSignal): Promise<string> {
    if (input.volume.isBlock) return mapVolume(this.#options, input, signal);
    if (!isRemount) await stageVolume(this.#options, input, signal);
    return publishVolume(this.#options, input, isRemount, signal);
  }

  async #expand(
    pod: Pod,
    spec: VolumeSpec,
    volume: CsiVolume,
    published: Published,
    signal: AbortSignal,
  ): Promise<void> {
    const expansion = planExpansion(spec, published.size);
    published.size ??= spec.claim?.status?.capacity?.["storage"];
    if (expansion === undefined) return;
    try {
      const input = { pod, spec, volume, path: published.path, expansion };
      if (await expandVolume(this.#options, input, signal)) published.size = expansion.newSize;
    } catch (err) {
      signal.throwIfAborted();
      throw operationError("NodeExpandVolume.NodeExpandVolume failed", spec.name, err, "VolumeResizeFailed");
    }
  }

  #isAttached(name: string): boolean {
    const { volumesInUse = [], volumesAttached = [] } = this.#options.node()?.status ?? {};
    return volumesInUse.includes(name) && volumesAttached.some((one) => one.name === name);
  }

  #isRepublishDue(object: CSIDriver | undefined, { atMs }: Published): boolean {
    return object?.spec.requiresRepublish === true && this.#now() - atMs >= REPUBLISH_MIN_MS;
  }

  #checkSELinux(pod: Pod, { specName }: CsiVolume, object: CSIDriver | undefined): void {
    if (!this.#options.hasSELinux || object?.spec.seLinuxMount !== true) return;
    if (pod.spec?.securityContext?.seLinuxOptions === undefined) return;
    const problem = new Error("mounting with an SELinux label is not supported by this node");
    throw operationError("MountVolume.SetUp failed", specName, problem);
  }

  #now(): number {
    return this.#options.clock.now();
  }
}
