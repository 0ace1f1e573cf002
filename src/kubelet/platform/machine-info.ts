/** Facts and figures of a Linux machine from /proc and /sys. @module */
import { readdir, readFile, statfs } from "node:fs/promises";
import { cpus, release, totalmem } from "node:os";
import { apiPageSize } from "../container/hugepages.ts";
import type { MachineInfo, NodeUsage } from "./platform.ts";

const GO_ARCH: Readonly<Record<string, string>> = { x64: "amd64", ia32: "386" };
const NANOSECONDS_PER_TICK = 10_000_000;

export async function machineInfo(rootDir: string): Promise<MachineInfo> {
  const [fs, hugepages, machineID, systemUUID, bootID, osRelease] = await Promise.all([
    statfs(rootDir),
    readHugepages(),
    readText("/etc/machine-id"),
    readText("/sys/class/dmi/id/product_uuid"),
    readText("/proc/sys/kernel/random/boot_id"),
    readText("/etc/os-release"),
  ]);
  return {
    cpus: cpus().length,
    memoryBytes: totalmem(),
    ephemeralStorageBytes: fs.blocks * fs.bsize,
    hugepages,
    operatingSystem: process.platform,
    architecture: GO_ARCH[process.arch] ?? process.arch,
    kernelVersion: release(),
    osImage: /^PRETTY_NAME="?([^"\n]*)"?$/mu.exec(osRelease)?.[1] ?? "Linux",
    machineID: machineID.replaceAll("-", ""),
    systemUUID: systemUUID === "" ? machineID : systemUUID,
    bootID,
  };
}

export async function nodeUsage(rootDir: string): Promise<NodeUsage> {
  const [stat, meminfo, fs, loadavg, pidMax] = await Promise.all([
    readText("/proc/stat"),
    readText("/proc/meminfo"),
    statfs(rootDir),
    readText("/proc/loadavg"),
    readText("/proc/sys/kernel/pid_max"),
  ]);
  const kilobytes = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+)`, "mu").exec(meminfo)?.[1] ?? 0) * 1024;
  const memoryAvailableBytes = kilobytes("MemAvailable");
  const bootSeconds = /^btime (\d+)$/mu.exec(stat)?.[1];
  return {
    ...(bootSeconds !== undefined && { bootTimeMs: Number(bootSeconds) * 1000 }),
    cpuNanoSeconds: busyTicks(stat) * NANOSECONDS_PER_TICK,
    memoryAvailableBytes,
    memoryWorkingSetBytes: kilobytes("MemTotal") - memoryAvailableBytes,
    fsAvailableBytes: fs.bavail * fs.bsize,
    fsCapacityBytes: fs.blocks * fs.bsize,
    fsInodes: fs.files,
    fsInodesFree: fs.ffree,
    processes: Number(/\/(\d+)/u.exec(loadavg)?.[1] ?? 0),
    processesMax: Number(pidMax),
  };
}

/** Everything but idle and waiting for disks. */
function busyTicks(stat: string): number {
  const line = /^cpu\s+(.*)$/mu.exec(stat)?.[1] ?? "";
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = line.split(/\s+/u).map(Number);
  return user + nice + system + irq + softirq;
}

/** Page size such as `2Mi` -> bytes that the kernel keeps for it. `base` is where it tells of them. */
export async function readHugepages(
  base = "/sys/kernel/mm/hugepages",
): Promise<Readonly<Record<string, number>>> {
  const result: Record<string, number> = {};
  let names: readonly string[];
  try {
    names = await readdir(base);
  } catch {
    // The kernel has none.
    return result;
  }
  for (const name of names) {
    const kilobytes = Number(/^hugepages-(\d+)kB$/u.exec(name)?.[1]);
    const pages = Number(await readText(`${base}/${name}/nr_hugepages`));
    result[apiPageSize(kilobytes)] = pages * kilobytes * 1024;
  }
  return result;
}

/** "" for files that a kernel or a container does not have. */
async function readText(path: string): Promise<string> {
  try {
    return (await readFile(path, "utf8")).trim();
  } catch {
    return "";
  }
}
