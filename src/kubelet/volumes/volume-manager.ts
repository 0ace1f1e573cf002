/** Volumes of pods on this node: made before the containers, refreshed when their sources change, removed after. @module */
import { parseQuantity, quantityValue } from "#apimachinery";
import type { Client } from "#client";
import { PersistentVolumeClaims } from "#api/core/v1/persistentvolumeclaim";
import { PersistentVolumes } from "#api/core/v1/persistentvolume";
import type { Node, Pod, Volume } from "#api/core/v1/types.gen";
import { specOf, uidOf } from "../container/pod-spec.ts";
import type { VolumeHost } from "../platform/platform.ts";
import type { LocalPathVolumes } from "./local-path-volumes.ts";
import { nodeAffinityProblem } from "./node-affinity.ts";
import { type PayloadSources, payloadOf } from "./payload.ts";

/** Where a volume lies on the node. */
export interface MountedVolume {
  readonly path: string;
  readonly readOnly: boolean;
}

export type MountedVolumes = ReadonlyMap<string, MountedVolume>;

export interface VolumeManagerOptions {
  readonly client: Pick<Client, "get">;
  readonly host: VolumeHost;
  readonly rootDir: string;
  /** The node as the API shows it; undefined: not registered yet. */
  readonly node: () => Node | undefined;
  readonly localPaths: Pick<LocalPathVolumes, "mounting" | "unmounted">;
}

/** The volume cannot be made; `message` is what `FailedMount` shows. */
export class MountError extends Error {
  override readonly name = "MountError";
}

const PLUGIN = {
  emptyDir: "kubernetes.io~empty-dir",
  configMap: "kubernetes.io~configmap",
  secret: "kubernetes.io~secret",
  projected: "kubernetes.io~projected",
  downwardAPI: "kubernetes.io~downward-api",
} as const;

export class VolumeManager {
  readonly #options: VolumeManagerOptions;

  constructor(options: VolumeManagerOptions) {
    this.#options = options;
  }

  podDir(uid: string): string {
    return `${this.#options.rootDir}/pods/${uid}`;
  }

  /** Makes or refreshes every volume of the pod. Idempotent. Throws `MountError` for the first that fails. */
  async mount(pod: Pod, sources: PayloadSources, signal: AbortSignal): Promise<MountedVolumes> {
    const mounted = new Map<string, MountedVolume>();
    for (const volume of specOf(pod).volumes ?? []) {
      try {
        mounted.set(volume.name, await this.#setUp(pod, volume, sources, signal));
      } catch (err) {
        signal.throwIfAborted();
        throw err instanceof MountError ? err : mountError("MountVolume.SetUp failed", volume.name, err);
      }
    }
    return mounted;
  }

  /** Unmounts and removes everything of the pod. */
  async unmount(uid: string): Promise<void> {
    await this.#options.host.removeTree(this.podDir(uid));
    this.#options.localPaths.unmounted(uid);
  }

  /** Uids of pods that have left files, for the clean-up after a restart. */
  podsOnDisk(): Promise<readonly string[]> {
    return this.#options.host.list(`${this.#options.rootDir}/pods`);
  }

  async #setUp(
    pod: Pod,
    volume: Volume,
    sources: PayloadSources,
    signal: AbortSignal,
  ): Promise<MountedVolume> {
    const { host } = this.#options;
    if (volume.hostPath !== undefined) {
      await host.checkHostPath(volume.hostPath.path, volume.hostPath.type ?? "");
      return { path: volume.hostPath.path, readOnly: false };
    }
    if (volume.emptyDir !== undefined) return this.#emptyDir(pod, volume);
    if (volume.persistentVolumeClaim !== undefined) return this.#claim(pod, volume, signal);
    const type = (Object.keys(PLUGIN) as (keyof typeof PLUGIN)[]).find((t) => volume[t] !== undefined);
    const payload = await payloadOf(pod, volume, sources, signal);
    if (payload === undefined || type === undefined) {
      const [unknown] = Object.keys(volume).filter((key) => key !== "name");
      throw new Error(
        `no volume plugin matched: ${unknown ?? "empty volume source"} is not supported by this node`,
      );
    }
    const path = this.#volumeDir(pod, type, volume.name);
    await host.makeDir(path, 0o777);
    if (type !== "configMap" && type !== "downwardAPI") await host.mountTmpfs(path, undefined);
    await host.writePayload(path, payload, specOf(pod).securityContext?.fsGroup);
    return { path, readOnly: true };
  }

  async #emptyDir(pod: Pod, volume: Volume): Promise<MountedVolume> {
    const { host } = this.#options;
    const { medium, sizeLimit } = volume.emptyDir!;
    const path = this.#volumeDir(pod, "emptyDir", volume.name);
    const isNew = !(await host.exists(path));
    await host.makeDir(path, 0o777);
    if (medium === "Memory") {
      const bytes = sizeLimit === undefined ? undefined : quantityValue(parseQuantity(sizeLimit));
      await host.mountTmpfs(path, bytes);
    } else if (medium !== undefined && medium !== "") {
      throw new Error(`emptyDir medium ${JSON.stringify(medium)} is not supported by this node`);
    }
    const fsGroup = specOf(pod).securityContext?.fsGroup;
    if (fsGroup !== undefined && isNew) await host.setGroup(path, fsGroup);
    return { path, readOnly: false };
  }

  /** A bound claim on a volume that is a folder of this node. */
  async #claim(pod: Pod, volume: Volume, signal: AbortSignal): Promise<MountedVolume> {
    const { client, host } = this.#options;
    const { claimName, readOnly = false } = volume.persistentVolumeClaim!;
    const namespace = pod.metadata.namespace ?? "";
    const claim = await client.get(PersistentVolumeClaims, { namespace, name: claimName }, signal);
    const { volumeName } = claim.spec ?? {};
    if (claim.status?.phase !== "Bound" || volumeName === undefined) {
      throw new Error(`PVC ${namespace}/${claimName} is not bound`);
    }
    const persistentVolume = await client.get(PersistentVolumes, { name: volumeName }, signal);
    const { spec } = persistentVolume;
    const path = spec?.hostPath?.path ?? spec?.local?.path;
    if (path === undefined)
      throw new Error(`persistent volume ${volumeName} is of a type that this node does not support`);
    // Before anything is made: on the wrong node the pod would find an empty folder instead of its data.
    const node = this.#options.node();
    const problem =
      node === undefined ? "node is not registered yet" : nodeAffinityProblem(persistentVolume, node);
    if (problem !== undefined) throw mountError("MountVolume.NodeAffinity check failed", volumeName, problem);
    await this.#options.localPaths.mounting(uidOf(pod), persistentVolume);
    await host.checkHostPath(path, spec?.hostPath?.type ?? (spec?.local === undefined ? "" : "Directory"));
    const fsGroup = specOf(pod).securityContext?.fsGroup;
    if (fsGroup !== undefined && spec?.local !== undefined) await host.setGroup(path, fsGroup);
    return { path, readOnly };
  }

  #volumeDir(pod: Pod, type: keyof typeof PLUGIN, name: string): string {
    return `${this.podDir(uidOf(pod))}/volumes/${PLUGIN[type]}/${name}`;
  }
}

/** Upstream's form of such messages. */
function mountError(what: string, volumeName: string, problem: unknown): MountError {
  const text = problem instanceof Error ? problem.message : String(problem);
  return new MountError(`${what} for volume ${JSON.stringify(volumeName)} : ${text}`, { cause: problem });
}
