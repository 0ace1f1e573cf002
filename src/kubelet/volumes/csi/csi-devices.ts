/** CSI volumes that this node holds, and the pods that use each; found again on disk after a restart. @module */
import type { VolumeHost } from "../../platform/platform.ts";
import {
  csiBlockPaths,
  csiPluginDir,
  csiPodVolumes,
  csiStageDir,
  uniqueVolumeName,
  VOLUME_DATA,
} from "./csi-paths.ts";

/** What `vol_data.json` holds; upstream's keys. */
export interface VolumeData {
  readonly driverName: string;
  readonly volumeHandle: string;
  readonly specVolID?: string;
  readonly nodeName?: string;
  readonly attachmentID?: string;
  readonly volumeLifecycleMode?: string;
}

export interface CsiDevice {
  readonly name: string;
  readonly driver: string;
  readonly handle: string;
  /** Undefined for a file system. */
  readonly blockSpecName: string | undefined;
  readonly users: Set<string>;
  /** Reported as in use: a controller attaches and detaches it. */
  isAttachable: boolean;
  /** The driver was asked to stage it, by this process. */
  isStaged: boolean;
}

const DATA_BYTES_MAX = 64 * 1024;

export class CsiDevices {
  readonly #devices = new Map<string, CsiDevice>();
  /** By pod, how many volumes an earlier kubelet left of which the disk does not tell what they are. */
  readonly #unknown = new Map<string, number>();
  readonly #onChange: () => void;
  readonly #onFound: (isKnown: boolean) => void;
  #isLoaded = false;

  /** `onChange`: what is in use is another set now. `onFound`: of each volume that an earlier kubelet left, whether the disk tells what it is. */
  constructor(onChange: () => void, onFound: (isKnown: boolean) => void = () => {}) {
    this.#onChange = onChange;
    this.#onFound = onFound;
  }

  /** Undefined until the disk was read: nobody may conclude that nothing is in use. */
  get inUse(): readonly string[] | undefined {
    if (!this.#isLoaded) return undefined;
    return [...this.#devices.values()].flatMap((d) => (d.isAttachable ? d.name : [])).toSorted();
  }

  get(name: string): CsiDevice | undefined {
    return this.#devices.get(name);
  }

  /** The pod wants it, or has it already. */
  acquire(
    { driver, handle, blockSpecName }: Pick<CsiDevice, "driver" | "handle" | "blockSpecName">,
    uid: string,
    isAttachable: boolean,
  ): CsiDevice {
    const name = uniqueVolumeName(driver, handle);
    let device = this.#devices.get(name);
    if (device === undefined) {
      device = { name, driver, handle, blockSpecName, users: new Set(), isAttachable, isStaged: false };
      this.#devices.set(name, device);
      this.#onChange();
    } else if (device.isAttachable !== isAttachable) {
      device.isAttachable = isAttachable;
      this.#onChange();
    }
    device.users.add(uid);
    return device;
  }

  /** The pod has nothing of it any more. */
  release(name: string, uid: string): void {
    this.#devices.get(name)?.users.delete(uid);
  }

  /** Names of what the pod uses. */
  usedBy(uid: string): readonly string[] {
    return [...this.#devices.values()].flatMap(({ name, users }) => (users.has(uid) ? name : []));
  }

  /** Volumes of the pod of which nobody knows what they are. */
  unknownOf(uid: string): number {
    return this.#unknown.get(uid) ?? 0;
  }

  /** They are gone. */
  forgetUnknown(uid: string): void {
    this.#unknown.delete(uid);
  }

  unused(): readonly CsiDevice[] {
    return [...this.#devices.values()].filter(({ users }) => users.size === 0);
  }

  forget(name: string): void {
    if (this.#devices.delete(name)) this.#onChange();
  }

  /** Reads what an earlier kubelet left. */
  async load(host: VolumeHost, rootDir: string): Promise<void> {
    for (const uid of await host.list(`${rootDir}/pods`)) {
      const dir = csiPodVolumes(rootDir, uid);
      for (const name of await host.list(dir)) {
        const data = await readVolumeData(host, `${dir}/${name}`);
        this.#onFound(data !== undefined);
        if (data === undefined) {
          this.#unknown.set(uid, (this.#unknown.get(uid) ?? 0) + 1);
          continue;
        }
        const isOwn = data.volumeLifecycleMode === "Ephemeral";
        this.acquire({ ...idOf(data), blockSpecName: undefined }, uid, !isOwn);
      }
    }
    await this.#loadStaged(host, rootDir);
    await this.#loadBlocks(host, rootDir);
    this.#isLoaded = true;
    this.#onChange();
  }

  async #loadStaged(host: VolumeHost, rootDir: string): Promise<void> {
    const base = csiPluginDir(rootDir);
    for (const driver of await host.list(base)) {
      if (driver === "volumeDevices") continue;
      for (const hash of await host.list(`${base}/${driver}`)) {
        const data = await readVolumeData(host, `${base}/${driver}/${hash}`);
        if (data !== undefined) this.#add(data, undefined, []);
      }
    }
  }

  async #loadBlocks(host: VolumeHost, rootDir: string): Promise<void> {
    const base = `${csiPluginDir(rootDir)}/volumeDevices`;
    for (const specName of await host.list(base)) {
      if (specName === "staging" || specName === "publish") continue;
      const data = await readVolumeData(host, csiBlockPaths(rootDir, specName, "").dataDir);
      this.#onFound(data !== undefined);
      if (data !== undefined) this.#add(data, specName, await host.list(`${base}/publish/${specName}`));
    }
  }

  #add(data: VolumeData, blockSpecName: string | undefined, users: readonly string[]): void {
    const device = this.acquire({ ...idOf(data), blockSpecName }, "", true);
    device.users.delete("");
    for (const uid of users) device.users.add(uid);
  }
}

function idOf({ driverName, volumeHandle }: VolumeData): {
  readonly driver: string;
  readonly handle: string;
} {
  return { driver: driverName, handle: volumeHandle };
}

/** Undefined: there is none, or half of one. */
export async function readVolumeData(host: VolumeHost, dir: string): Promise<VolumeData | undefined> {
  try {
    const text = await host.readFile(`${dir}/${VOLUME_DATA}`, DATA_BYTES_MAX);
    const data = JSON.parse(text) as Partial<VolumeData>;
    if (data.driverName === undefined || data.volumeHandle === undefined) return undefined;
    return { ...data, driverName: data.driverName, volumeHandle: data.volumeHandle };
  } catch (err) {
    if (err instanceof SyntaxError) return undefined;
    const { code } = err as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw err;
  }
}

export function writeVolumeData(host: VolumeHost, dir: string, data: VolumeData): Promise<void> {
  return host.writeFile(`${dir}/${VOLUME_DATA}`, `${JSON.stringify(data)}\n`, 0o600);
}

/** The folder in which a file system is staged, and the one that holds it and its data. */
export function stagePaths(
  rootDir: string,
  driver: string,
  handle: string,
): { readonly dir: string; readonly mount: string } {
  const dir = csiStageDir(rootDir, driver, handle);
  return { dir, mount: `${dir}/globalmount` };
}
