/** How full the node's file systems are, and with what of which pod; measured when somebody asks. @module */
import type { Clock, Logger } from "#apimachinery";
import type { Pod } from "#api/core/v1/types.gen";
import { type FilesystemUsage, isRuntimeUnimplemented, type ImageFsInfoResponse, type Runtime } from "#cri";
import { describeError } from "../container/describe-error.ts";
import { containersOf, initContainersOf, uidOf } from "../container/pod-spec.ts";
import { qosClassOf } from "../container/qos.ts";
import type { FsLayout } from "../eviction/thresholds.ts";
import { type NodePaths, podLogDir } from "../kuberuntime/paths.ts";
import type { FsUsage, NodePlatform } from "../platform/platform.ts";
import type { VolumeStats, VolumeSummary } from "../volumes/volume-stats.ts";

export interface FsStatsOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly runtime: Pick<Runtime, "imageFsInfo">;
  readonly platform: NodePlatform;
  readonly paths: NodePaths;
  readonly volumes: Pick<VolumeStats, "of">;
  readonly pods: () => readonly Pod[];
}

/** What lies on a file system of images or writable layers, beside what it has and has left. */
export interface RuntimeFs extends FsUsage {
  readonly time: number;
}

export interface RuntimeFsStats {
  readonly imageFs: RuntimeFs;
  readonly containerFs: RuntimeFs;
  readonly layout: FsLayout;
}

export interface PodFs {
  readonly volumes: readonly VolumeSummary[];
  /** Of each container's logs. */
  readonly logs: ReadonlyMap<string, FsUsage>;
  readonly processes: number | undefined;
}

/** Pods whose logs are measured at the same time. */
const PODS_PARALLEL = 4;

export class FsStats {
  readonly #options: FsStatsOptions;
  #layout: FsLayout | undefined;

  constructor(options: FsStatsOptions) {
    this.#options = options;
  }

  /** Undefined on nodes whose runtime has no files. */
  async ofRuntime(signal: AbortSignal): Promise<RuntimeFsStats | undefined> {
    const { runtime, platform } = this.#options;
    if (platform.name === "simulated") return undefined;
    let info: ImageFsInfoResponse;
    try {
      info = await runtime.imageFsInfo(signal);
    } catch (err) {
      if (isRuntimeUnimplemented(err)) return undefined;
      throw err;
    }
    const images = info.imageFilesystems[0];
    const path = images?.fsId?.mountpoint;
    if (images === undefined || path === undefined) return undefined;
    const containers = info.containerFilesystems[0] ?? images;
    const containersPath = containers.fsId?.mountpoint ?? path;
    const [imageFs, containerFs] = await Promise.all([
      this.#measure(images, path),
      this.#measure(containers, containersPath),
    ]);
    return { imageFs, containerFs, layout: await this.#layoutOf(path, containersPath) };
  }

  /** By uid. What cannot be measured is absent. */
  async ofPods(pods: readonly Pod[], signal: AbortSignal): Promise<ReadonlyMap<string, PodFs>> {
    // The volumes keep what they measured for the pods that they were asked about last: always ask for all.
    const volumes = await this.#options.volumes.of(this.#options.pods(), signal);
    const result = new Map<string, PodFs>();
    for (let at = 0; at < pods.length; at += PODS_PARALLEL) {
      const slice = pods.slice(at, at + PODS_PARALLEL);
      const { cgroups } = this.#options.platform;
      const [logs, processes] = await Promise.all([
        Promise.all(slice.map((pod) => this.#logsOf(pod))),
        Promise.all(slice.map((pod) => cgroups.podProcesses(uidOf(pod), qosClassOf(pod)))),
      ]);
      for (const [i, pod] of slice.entries()) {
        const uid = uidOf(pod);
        result.set(uid, { volumes: volumes.get(uid) ?? [], logs: logs[i]!, processes: processes[i] });
      }
    }
    return result;
  }

  async #measure({ usedBytes, inodesUsed }: FilesystemUsage, path: string): Promise<RuntimeFs> {
    const { platform, clock } = this.#options;
    const usage = await platform.volumes.usage(path, false);
    return {
      ...usage,
      time: clock.now(),
      ...(usedBytes !== undefined && { usedBytes }),
      ...(inodesUsed !== undefined && { inodesUsed }),
    };
  }

  /** Asked once: file systems do not move while kubelet runs. */
  async #layoutOf(images: string, containers: string): Promise<FsLayout> {
    const { platform, paths } = this.#options;
    this.#layout ??= {
      dedicatedImageFs: !(await platform.isSameFs(paths.rootDir, images)),
      splitContainerFs: !(await platform.isSameFs(images, containers)),
    };
    return this.#layout;
  }

  async #logsOf(pod: Pod): Promise<ReadonlyMap<string, FsUsage>> {
    const { platform, paths, logger } = this.#options;
    const logs = new Map<string, FsUsage>();
    for (const { name } of [...initContainersOf(pod), ...containersOf(pod)]) {
      const dir = `${podLogDir(paths, pod)}/${name}`;
      try {
        if (await platform.volumes.exists(dir)) logs.set(name, await platform.volumes.usage(dir, true));
      } catch (err) {
        logger.debug("Measuring a container's logs failed", { dir, reason: describeError(err) });
      }
    }
    return logs;
  }
}
