/** Rotates the logs of running containers by size, compresses older ones, and keeps a bounded number of files. @module */
import { createReadStream, createWriteStream } from "node:fs";
import { readdir, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { type Clock, type Logger, pause } from "#apimachinery";
import type { RuntimeService } from "#cri";
import { runningContainers } from "../container/runtime-pod.ts";
import type { RuntimeCache } from "../pleg/runtime-cache.ts";
import { COMPRESSED, planRotation, TEMPORARY } from "./plan-rotation.ts";
import type { NodePlatform } from "../platform/platform.ts";

export interface LogRotationOptions {
  readonly runtime: RuntimeService;
  readonly platform: NodePlatform;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly containerLogMaxBytes?: number;
  readonly containerLogMaxFiles?: number;
  readonly containerLogMonitorMs?: number;
}

/** As upstream's `containerLogMaxSize`, `containerLogMaxFiles` and `containerLogMonitorInterval`. */
const DEFAULT_BYTES_MAX = 10 * 2 ** 20;
const DEFAULT_FILES_MAX = 5;
const CHECK_PERIOD_MS = 10_000;

/** Runs until `signal` aborts. A simulated node writes no logs. */
export async function rotateContainerLogs(
  options: LogRotationOptions,
  cache: Pick<RuntimeCache, "list">,
  signal: AbortSignal,
): Promise<void> {
  const { platform, clock, logger, containerLogMonitorMs: periodMs = CHECK_PERIOD_MS } = options;
  if (platform.name === "simulated") return;
  while (!signal.aborted) {
    await pause(clock, periodMs, signal);
    for (const container of cache.list().flatMap(runningContainers)) {
      if (signal.aborted) return;
      if (container.logPath === "") continue;
      try {
        await rotateIfLarge(options, container.id, container.logPath, signal);
      } catch (err) {
        if (!signal.aborted)
          logger.warn("Rotating a container's log failed", { path: container.logPath, err });
      }
    }
  }
}

export async function rotateIfLarge(
  {
    runtime,
    clock,
    containerLogMaxBytes,
    containerLogMaxFiles,
  }: Pick<LogRotationOptions, "runtime" | "clock" | "containerLogMaxBytes" | "containerLogMaxFiles">,
  id: string,
  path: string,
  signal: AbortSignal,
): Promise<void> {
  const size = await stat(path).then(
    (info) => info.size,
    (err: NodeJS.ErrnoException) => {
      if (err.code === "ENOENT") return 0;
      throw err;
    },
  );
  if (size < (containerLogMaxBytes ?? DEFAULT_BYTES_MAX)) return;
  await tidyRotated(path, containerLogMaxFiles ?? DEFAULT_FILES_MAX, signal);
  const stamp = new Date(clock.now())
    .toISOString()
    .replaceAll(/[-:]|\..*/gu, "")
    .replace("T", "-");
  const moved = `${path}.${stamp}`;
  await rename(path, moved);
  try {
    await runtime.reopenContainerLog(id, signal);
  } catch (err) {
    // The container still writes to the old file: give it its name back.
    await rename(moved, path);
    throw err;
  }
}

/** The newest rotated file stays as it is, for whoever still reads it: it is compressed when the next one follows. */
async function tidyRotated(path: string, filesMax: number, signal: AbortSignal): Promise<void> {
  const dir = dirname(path);
  const { remove, compress } = planRotation(await readdir(dir), basename(path), filesMax);
  for (const name of remove) await rm(join(dir, name), { force: true });
  for (const name of compress) await compressLog(join(dir, name), signal);
}

/** A half-written file bears another name, and is removed by the next rotation. */
async function compressLog(path: string, signal: AbortSignal): Promise<void> {
  const temporary = `${path}${TEMPORARY}`;
  const { mode } = await stat(path);
  await pipeline(createReadStream(path), createGzip(), createWriteStream(temporary, { mode }), { signal });
  await rename(temporary, `${path}${COMPRESSED}`);
  await rm(path);
}
