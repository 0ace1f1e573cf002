/** What a kubelet asks of the machine it runs on: facts, cgroups, files. A simulated node has none of them. @module */

export interface MachineInfo {
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly ephemeralStorageBytes: number;
  /** Page size such as `2Mi` -> bytes reserved. */
  readonly hugepages: Readonly<Record<string, number>>;
  readonly operatingSystem: string;
  /** Go's name: amd64, arm64. */
  readonly architecture: string;
  readonly kernelVersion: string;
  readonly osImage: string;
  readonly machineID: string;
  readonly systemUUID: string;
  readonly bootID: string;
}

/** What is used at this moment, for pressure conditions and `/stats/summary`. */
export interface NodeUsage {
  /** When the machine was started. */
  readonly bootTimeMs?: number;
  readonly cpuNanoSeconds: number;
  readonly memoryAvailableBytes: number;
  readonly memoryWorkingSetBytes: number;
  readonly fsAvailableBytes: number;
  readonly fsCapacityBytes: number;
  readonly fsInodes: number;
  readonly fsInodesFree: number;
  readonly processes: number;
  readonly processesMax: number;
}

export type QOSClass = "Guaranteed" | "Burstable" | "BestEffort";

/** Values for one cgroup; absent ones are left as they are. */
export interface CgroupResources {
  readonly cpuShares?: number;
  readonly cpuQuotaUs?: number;
  readonly cpuPeriodUs?: number;
  readonly memoryLimitBytes?: number;
  readonly pidsMax?: number;
  /** By the kernel's name of the page size, such as `2MB`. */
  readonly hugepageLimits?: Readonly<Record<string, number>>;
}

/** What all pods of the node use together. */
export interface PodsMemory {
  readonly time: number;
  readonly workingSetBytes: number;
  /** Absent: they are not limited. */
  readonly limitBytes?: number;
}

export interface CgroupUsage {
  /** Since it was made. */
  readonly cpuNanoSeconds: number;
  /** Without what could be given back at once. */
  readonly workingSetBytes: number;
  readonly swapBytes?: number;
}

export interface PodCgroupUsage {
  readonly time: number;
  readonly pod: CgroupUsage;
  /** By their id; those that have a cgroup. */
  readonly containers: ReadonlyMap<string, CgroupUsage>;
}

/** What was read from and written to a block device. */
export interface DeviceIO {
  /** Its path, or its number where it has none. */
  readonly device: string;
  readonly reads: number;
  readonly writes: number;
  readonly readBytes: number;
  readonly writtenBytes: number;
}

export interface CgroupDetails {
  /** Absent: its CPU is not limited. */
  readonly periods?: number;
  readonly throttledPeriods?: number;
  readonly throttledNanoSeconds?: number;
  readonly cacheBytes: number;
  readonly io: readonly DeviceIO[];
}

/** The tree kubepods/{burstable,besteffort}/pod<uid> under a parent that belongs to this node alone. */
export interface PodCgroups {
  /** Creates the tree's upper levels. */
  ensureRoot(allocatable: CgroupResources): Promise<void>;
  /** Rejects when the kernel refuses a value; resolves to false when cgroups are not managed. */
  updateRoot(allocatable: CgroupResources): Promise<boolean>;
  /** A cgroup of somebody else, by its absolute name. Rejects when it does not exist or cannot be bounded. */
  updateExisting(path: string, resources: CgroupResources): Promise<void>;
  /** Creates a pod's cgroup with these values, if there is none; resolves to the cgroup parent for CRI, "" when cgroups are not managed. */
  ensurePod(uid: string, qos: QOSClass, resources: CgroupResources): Promise<string>;
  /** Values of a pod's cgroup as the kernel has them; limits that are not set are absent. Empty when cgroups are not managed. */
  readPod(uid: string, qos: QOSClass): Promise<CgroupResources>;
  /** Rejects when the kernel refuses a value. */
  updatePod(uid: string, qos: QOSClass, resources: CgroupResources): Promise<void>;
  /** Processes and threads of a pod; undefined when cgroups are not managed. */
  podProcesses(uid: string, qos: QOSClass): Promise<number | undefined>;
  /** Of a pod and of these containers of it; undefined when it has no cgroup. */
  usage(uid: string, qos: QOSClass, containerIds: readonly string[]): Promise<PodCgroupUsage | undefined>;
  /** Of these containers of a pod, by their id; those that have a cgroup. */
  details?(
    uid: string,
    qos: QOSClass,
    containerIds: readonly string[],
  ): Promise<ReadonlyMap<string, CgroupDetails>>;
  /** Of the machine's cgroups; undefined when they are not managed. */
  version?(): Promise<1 | 2 | undefined>;
  /** Undefined when cgroups are not managed. */
  podsMemory(): Promise<PodsMemory | undefined>;
  updateQOS(qos: "Burstable" | "BestEffort", resources: CgroupResources): Promise<void>;
  /** Kills what is left inside and removes it. No error if it does not exist. */
  removePod(uid: string): Promise<void>;
  /** Uids of pods that have a cgroup. */
  listPods(): Promise<readonly string[]>;
}

/** One file of a configMap, secret, downwardAPI or projected volume. */
export interface PayloadFile {
  readonly data: Uint8Array;
  readonly mode: number;
  readonly uid?: number;
}

export type Payload = ReadonlyMap<string, PayloadFile>;

export interface MountRequest {
  readonly source: string;
  readonly path: string;
  readonly type: string;
  readonly options: readonly string[];
}

export interface OwnershipOptions {
  /** The group may only read. */
  readonly readOnly?: boolean;
  /** Nothing is done when the folder itself fits already: `fsGroupChangePolicy: OnRootMismatch`. */
  readonly onRootMismatch?: boolean;
  /** Called for each file. */
  readonly onFile?: () => void;
}

/** A file of a volume: where it was found, and what is in it. */
export interface FileInside {
  readonly path: string;
  readonly data: Buffer;
}

export interface FsUsage {
  readonly capacityBytes: number;
  readonly availableBytes: number;
  readonly usedBytes: number;
  readonly inodes: number;
  readonly inodesFree: number;
  readonly inodesUsed: number;
}

/** The files of pods. Paths are absolute. */
export interface VolumeHost {
  /** One that is there keeps its mode. */
  makeDir(path: string, mode: number): Promise<void>;
  /** Gives a folder its permissions, unless it has them. */
  setMode(path: string, mode: number): Promise<void>;
  /** Replaces the folder's content in one step, so that no reader sees a mixture (`..data` symlink). */
  writePayload(path: string, payload: Payload, gid: number | undefined): Promise<void>;
  /** A file that a container mounts: /etc/hosts, resolv.conf, the termination log. Rewritten in place if it differs. */
  writeFile(path: string, data: string, mode: number): Promise<void>;
  /** Of nobody but the node itself: what a container may have put there is read by `readInside`. */
  readFile(path: string, bytesMax: number): Promise<string>;
  /** A regular file of a volume, whose root no path and no link leads out of. Throws if it is larger. */
  readInside(volumePath: string, path: string, bytesMax: number): Promise<FileInside>;
  /** No effect if it is mounted already. */
  mountTmpfs(path: string, sizeBytes: number | undefined): Promise<void>;
  /** As mount(8), with its failure in upstream's form. */
  mount(request: MountRequest): Promise<void>;
  /** `source` is a device, which gets a file system of this type first if there is nothing on it. */
  formatAndMount(request: MountRequest): Promise<void>;
  isMounted(path: string): Promise<boolean>;
  /** Unmounts `path` and everything below it. */
  unmountBelow(path: string): Promise<void>;
  /** Gives group ownership to `gid` with the setgid bit, recursively. */
  setGroup(path: string, gid: number, options?: OwnershipOptions): Promise<void>;
  isBlockDevice(path: string): Promise<boolean>;
  /** A symbolic link; replaces another one. */
  link(target: string, path: string): Promise<void>;
  /** Removes a file, a link or an empty folder; no effect if there is none. */
  remove(path: string): Promise<void>;
  /** What its file system has and has left; with `measure`, what lies below the folder itself is counted as used. */
  usage(path: string, measure: boolean): Promise<FsUsage>;
  /** Throws unless the path fits a hostPath type; creates what the `…OrCreate` types ask for. */
  checkHostPath(path: string, type: string): Promise<void>;
  /** A subPath inside a volume, created if missing, with every symbolic link proven to stay inside. Resolves to the path to mount. */
  resolveSubPath(volumePath: string, subPath: string, bindTarget: string): Promise<string>;
  exists(path: string): Promise<boolean>;
  list(path: string): Promise<readonly string[]>;
  /** Unmounts everything below, then removes it. Never follows a mount into foreign files. */
  removeTree(path: string): Promise<void>;
}

/** How a port of the node is watched, files are mounted and machines are measured. */
export interface NodePlatform {
  readonly name: "linux" | "simulated";
  /** Pods have real addresses. Otherwise nothing is sent to them: probes and hooks over the network count as answered. */
  readonly hasNetwork: boolean;
  machineInfo(): Promise<MachineInfo>;
  /** Makes kubelet's folder, whose mounts containers may then share with the node. Idempotent. */
  ensureRoot(): Promise<void>;
  usage(): Promise<NodeUsage>;
  /** Whether both paths lie on one file system. */
  isSameFs(a: string, b: string): Promise<boolean>;
  readonly cgroups: PodCgroups;
  readonly volumes: VolumeHost;
  /** The node's resolver configuration, or undefined when the platform has none. Rejects when it cannot be read. */
  readResolvConf(path: string): Promise<string | undefined>;
}
