/** A Linux machine as a node: real cgroups, mounts and measurements. Needs root. @module */
import { mkdir, readFile, stat } from "node:fs/promises";
import type { Clock, Logger } from "#apimachinery";
import { linuxCgroups } from "../cgroups/linux-cgroups.ts";
import { noCgroups } from "../cgroups/no-cgroups.ts";
import { linuxVolumes } from "../volumes/linux-volumes.ts";
import { machineInfo, nodeUsage } from "./machine-info.ts";
import type { MachineInfo, NodePlatform } from "./platform.ts";
import { makeRShared } from "./shared-root.ts";

export interface LinuxPlatformOptions {
  /** The kubelet's own folder; its file system is the node's ephemeral storage. */
  readonly rootDir: string;
  /** Parent of `kubepods`, such as `/k8ts-demo/node-1`: nodes that share a machine need one each. Default `/`. */
  readonly cgroupRoot?: string;
  /** Default true. False: pods run in whatever cgroup the runtime chooses. */
  readonly cgroups?: boolean;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Facts to report instead of the measured ones. */
  readonly machine?: Partial<MachineInfo>;
}

export function linuxPlatform(options: LinuxPlatformOptions): NodePlatform {
  const { rootDir, cgroupRoot = "/", cgroups = true, clock, logger, machine } = options;
  return {
    name: "linux",
    hasNetwork: true,
    async ensureRoot() {
      await mkdir(rootDir, { recursive: true });
      await makeRShared(rootDir);
    },
    async machineInfo() {
      await mkdir(rootDir, { recursive: true });
      return { ...(await machineInfo(rootDir)), ...machine };
    },
    usage: () => nodeUsage(rootDir),
    isSameFs: async (a, b) => (await stat(a)).dev === (await stat(b)).dev,
    cgroups: cgroups ? linuxCgroups({ root: cgroupRoot, clock, logger }) : noCgroups,
    volumes: linuxVolumes(),
    async readResolvConf(path) {
      try {
        return await readFile(path, "utf8");
      } catch (cause) {
        const isMissing = (cause as NodeJS.ErrnoException).code === "ENOENT";
        const why = isMissing ? "no such file or directory" : (cause as Error).message;
        throw new Error(`open ${path}: ${why}`, { cause });
      }
    },
  };
}
