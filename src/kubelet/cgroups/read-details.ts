/** What else the kernel tells of a cgroup, for `/metrics/cadvisor`: how it was throttled, its cache, its input and output. @module */
import { join } from "node:path";
import type { CgroupDetails, DeviceIO } from "../platform/platform.ts";
import { fieldOf, readText } from "./read-usage.ts";

const NANOSECONDS_PER_MICROSECOND = 1000;
const BLOCK_DEVICES = "/sys/dev/block";

/** Reads at once, as `readUsage` does. Undefined when there is no such cgroup. */
export function readDetails(version: 1 | 2, mountPoint: string, path: string): CgroupDetails | undefined {
  return version === 2 ? readV2(join(mountPoint, path)) : readV1(mountPoint, path);
}

function readV1(mountPoint: string, path: string): CgroupDetails | undefined {
  const cpu = readText(join(mountPoint, "cpu", path, "cpu.stat"));
  const memory = readText(join(mountPoint, "memory", path, "memory.stat"));
  if (cpu === undefined || memory === undefined) return undefined;
  const io = (file: string): string =>
    readText(join(mountPoint, "blkio", path, `blkio.throttle.${file}`)) ?? "";
  return {
    ...throttling(cpu, fieldOf(cpu, "throttled_time") ?? 0),
    cacheBytes: fieldOf(memory, "total_cache") ?? 0,
    io: parseV1(io("io_serviced"), io("io_service_bytes")),
  };
}

function readV2(dir: string): CgroupDetails | undefined {
  const cpu = readText(join(dir, "cpu.stat"));
  const memory = readText(join(dir, "memory.stat"));
  if (cpu === undefined || memory === undefined) return undefined;
  return {
    ...throttling(cpu, (fieldOf(cpu, "throttled_usec") ?? 0) * NANOSECONDS_PER_MICROSECOND),
    cacheBytes: fieldOf(memory, "file") ?? 0,
    io: parseV2(readText(join(dir, "io.stat")) ?? ""),
  };
}

/** Nothing of a cgroup without a quota, which has no periods. */
function throttling(cpu: string, throttledNanoSeconds: number): Partial<CgroupDetails> {
  const periods = fieldOf(cpu, "nr_periods") ?? 0;
  if (periods === 0) return {};
  return { periods, throttledPeriods: fieldOf(cpu, "nr_throttled") ?? 0, throttledNanoSeconds };
}

/** Lines such as `8:0 Read 12`. */
function parseV1(serviced: string, bytes: string): readonly DeviceIO[] {
  const devices = new Map<string, { -readonly [K in keyof DeviceIO]: DeviceIO[K] }>();
  const add = (
    text: string,
    fields: Readonly<Record<string, "reads" | "writes" | "readBytes" | "writtenBytes">>,
  ): void => {
    for (const [, device, operation, value] of text.matchAll(/^(\d+:\d+) (\w+) (\d+)$/gmu)) {
      const field = fields[operation!];
      if (field === undefined) continue;
      const io = devices.get(device!) ?? {
        device: device!,
        reads: 0,
        writes: 0,
        readBytes: 0,
        writtenBytes: 0,
      };
      io[field] = Number(value);
      devices.set(device!, io);
    }
  };
  add(serviced, { Read: "reads", Write: "writes" });
  add(bytes, { Read: "readBytes", Write: "writtenBytes" });
  return [...devices.values()].map(named);
}

/** Lines such as `8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0`. */
function parseV2(text: string): readonly DeviceIO[] {
  return [...text.matchAll(/^(\d+:\d+) (.*)$/gmu)].map(([, device, pairs]) => {
    const values = new Map(
      [...pairs!.matchAll(/(\w+)=(\d+)/gu)].map(([, key, value]) => [key!, Number(value)]),
    );
    const of = (key: string): number => values.get(key) ?? 0;
    return named({
      device: device!,
      reads: of("rios"),
      writes: of("wios"),
      readBytes: of("rbytes"),
      writtenBytes: of("wbytes"),
    });
  });
}

/** `/dev/sda` instead of `8:0`, where the machine has a name for it. */
function named(io: DeviceIO): DeviceIO {
  const uevent = readText(`${BLOCK_DEVICES}/${io.device}/uevent`);
  const name = uevent === undefined ? undefined : /^DEVNAME=(.+)$/mu.exec(uevent)?.[1];
  return name === undefined ? io : { ...io, device: `/dev/${name}` };
}
