/** A node that is nothing but its objects: no files, no cgroups, invented capacity. For the simulated runtime. @module */
import type { MachineInfo, NodePlatform, VolumeHost } from "./platform.ts";
import { noCgroups } from "../cgroups/no-cgroups.ts";

export interface SimulatedPlatformOptions {
  /** Default: 32 CPUs, 256 GiB of memory, 1 TiB of disk. */
  readonly machine?: Partial<MachineInfo>;
}

const GIB = 2 ** 30;

const MACHINE: MachineInfo = {
  cpus: 32,
  memoryBytes: 256 * GIB,
  ephemeralStorageBytes: 1024 * GIB,
  hugepages: {},
  operatingSystem: "linux",
  architecture: "amd64",
  kernelVersion: "simulated",
  osImage: "simulated",
  machineID: "",
  systemUUID: "",
  bootID: "",
};

/** Volumes are checked (their sources must exist) and then forgotten. */
const volumes: VolumeHost = {
  makeDir: async () => {},
  setMode: async () => {},
  writePayload: async () => {},
  writeFile: async () => {},
  readFile: async () => "",
  readInside: async (volumePath, path) => ({ path: `${volumePath}/${path}`, data: Buffer.alloc(0) }),
  mountTmpfs: async () => {},
  mount: async () => {},
  formatAndMount: async () => {},
  isMounted: async () => false,
  unmountBelow: async () => {},
  isBlockDevice: async () => true,
  link: async () => {},
  remove: async () => {},
  usage: async () => ({
    capacityBytes: 0,
    availableBytes: 0,
    usedBytes: 0,
    inodes: 0,
    inodesFree: 0,
    inodesUsed: 0,
  }),
  setGroup: async () => {},
  checkHostPath: async () => {},
  resolveSubPath: async (volumePath, subPath) => `${volumePath}/${subPath}`,
  exists: async () => false,
  list: async () => [],
  removeTree: async () => {},
};

export function simulatedPlatform({ machine }: SimulatedPlatformOptions = {}): NodePlatform {
  const info = { ...MACHINE, ...machine };
  return {
    name: "simulated",
    hasNetwork: false,
    machineInfo: async () => info,
    ensureRoot: async () => {},
    usage: async () => ({
      cpuNanoSeconds: 0,
      memoryAvailableBytes: info.memoryBytes,
      memoryWorkingSetBytes: 0,
      fsAvailableBytes: info.ephemeralStorageBytes,
      fsCapacityBytes: info.ephemeralStorageBytes,
      fsInodes: 1_000_000,
      fsInodesFree: 1_000_000,
      processes: 0,
      processesMax: 4_194_304,
    }),
    isSameFs: async () => true,
    cgroups: noCgroups,
    volumes,
    readResolvConf: async () => undefined,
  };
}
