/** What a cgroup has used of the processors and uses of the memory. @module */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { CgroupUsage } from "../platform/platform.ts";

const NANOSECONDS_PER_MICROSECOND = 1000;

/**
 * Undefined when there is no such cgroup. Reads at once: the kernel makes these files when they are read, in 10 to 20 µs
 * each, and every way through a thread would cost ten times that.
 */
export function readUsage(version: 1 | 2, mountPoint: string, path: string): CgroupUsage | undefined {
  return version === 2 ? readV2(join(mountPoint, path)) : readV1(mountPoint, path);
}

function readV1(mountPoint: string, path: string): CgroupUsage | undefined {
  const memory = join(mountPoint, "memory", path);
  const cpu = readText(join(mountPoint, "cpuacct", path, "cpuacct.usage"));
  const usage = readText(join(memory, "memory.usage_in_bytes"));
  const stat = readText(join(memory, "memory.stat"));
  if (cpu === undefined || usage === undefined || stat === undefined) return undefined;
  return {
    cpuNanoSeconds: Number(cpu),
    workingSetBytes: workingSet(usage, fieldOf(stat, "total_inactive_file")),
  };
}

function readV2(dir: string): CgroupUsage | undefined {
  const cpu = readText(join(dir, "cpu.stat"));
  const usage = readText(join(dir, "memory.current"));
  const stat = readText(join(dir, "memory.stat"));
  if (cpu === undefined || usage === undefined || stat === undefined) return undefined;
  const swap = readText(join(dir, "memory.swap.current"));
  return {
    cpuNanoSeconds: (fieldOf(cpu, "usage_usec") ?? 0) * NANOSECONDS_PER_MICROSECOND,
    workingSetBytes: workingSet(usage, fieldOf(stat, "inactive_file")),
    ...(swap !== undefined && { swapBytes: Number(swap) }),
  };
}

/** What could be given back at once does not count. */
function workingSet(usage: string, inactiveFile = 0): number {
  return Math.max(0, Number(usage) - inactiveFile);
}

export function fieldOf(text: string, name: string): number | undefined {
  const start = text.startsWith(`${name} `) ? 0 : text.indexOf(`\n${name} `) + 1;
  if (start === 0 && !text.startsWith(`${name} `)) return undefined;
  return Number.parseInt(text.slice(start + name.length + 1, start + name.length + 24), 10);
}

/** Undefined when it is not there. */
export function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "latin1");
  } catch (err) {
    const { code } = err as NodeJS.ErrnoException;
    // removed while it was read
    if (code === "ENOENT" || code === "ENODEV") return undefined;
    throw err;
  }
}
