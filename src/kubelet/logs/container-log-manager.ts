/** Rotates the logs of running containers by size, and keeps a bounded number of files. @module */
import { readdir, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { type Clock, type Logger, pause } from "#apimachinery";
import type { RuntimeService } from "#cri";
import { runningContainers } from "../container/runtime-pod.ts";
import type { RuntimeCache } from "../pleg/runtime-cache.ts";
import type { NodePlatform } from "../platform/platform.ts";

export interface LogRotationOptions {
  readonly runtime: RuntimeService;
  readonly platform: NodePlatform;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly containerLogMaxBytes?: number;
  readonly containerLogMaxFiles?: number;
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
  const { platform, clock, logger } = options;
  if (platform.name === "simulated") return;
  while (!signal.aborted) {
    await pause(clock, CHECK_PERIOD_MS, signal);
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

async function rotateIfLarge(
  { runtime, clock, containerLogMaxBytes, containerLogMaxFiles }: LogRotationOptions,
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
  await removeOldest(path, containerLogMaxFiles ?? DEFAULT_FILES_MAX);
}

/** The present file counts as one. */
async function removeOldest(path: string, filesMax: number): Promise<void> {
  const prefix = `${basename(path)}.`;
  const old = (await readdir(dirname(path))).filter((name) => name.startsWith(prefix)).toSorted();
  const surplus = old.slice(0, Math.max(0, old.length - (filesMax - 1)));
  for (const name of surplus) await rm(join(dirname(path), name), { force: true });
}
