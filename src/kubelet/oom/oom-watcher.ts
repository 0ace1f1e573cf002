/** Tells of processes that the kernel killed because the machine, not a container, had no memory left. @module */
import { constants } from "node:fs";
import { open, type FileHandle } from "node:fs/promises";
import { uptime } from "node:os";
import { type Clock, type Logger, pause } from "#apimachinery";
import type { EventRecorder } from "#client";
import type { Node } from "#api/core/v1/types.gen";
import { OomReader } from "./oom-log.ts";

export interface OomWatcherOptions {
  readonly clock: Clock;
  readonly recorder: EventRecorder;
  readonly logger: Logger;
  readonly node: () => Node | undefined;
}

const KERNEL_LOG = "/dev/kmsg";
const POLL_MS = 10_000;
/** Of one message; the kernel's are at most 8 KiB. */
const MESSAGE_BYTES_MAX = 8192;

/** Until `signal` aborts. A machine whose log cannot be read is told once. */
export async function watchOom(options: OomWatcherOptions, signal: AbortSignal): Promise<void> {
  const { clock, recorder, logger, node } = options;
  // Only what comes from now on: what was before is told by nobody twice.
  const reader = new OomReader(uptime() * 1_000_000);
  let log: FileHandle | undefined;
  try {
    // A read that waits would hold one of the process's few threads for ever.
    log = await open(KERNEL_LOG, constants.O_RDONLY | constants.O_NONBLOCK);
    while (!signal.aborted) {
      for (let line = await nextMessage(log); line !== undefined; line = await nextMessage(log)) {
        const victim = reader.read(line);
        const reference = node();
        if (victim === undefined || reference === undefined) continue;
        const message = `System OOM encountered, victim process: ${victim.name}, pid: ${victim.pid}`;
        recorder.event(reference, "Warning", "SystemOOM", message);
      }
      await pause(clock, POLL_MS, signal);
    }
  } catch (err) {
    if (!signal.aborted) logger.info("The kernel's log cannot be read, SystemOOM is not told", { err });
  } finally {
    await log?.close();
  }
}

/** Undefined when there is none now. */
async function nextMessage(log: FileHandle): Promise<string | undefined> {
  const buffer = Buffer.alloc(MESSAGE_BYTES_MAX);
  try {
    const { bytesRead } = await log.read(buffer, 0, MESSAGE_BYTES_MAX, -1);
    return bytesRead === 0 ? undefined : buffer.toString("utf8", 0, bytesRead);
  } catch (err) {
    const { code } = err as NodeJS.ErrnoException;
    if (code === "EAGAIN") return undefined;
    // Messages were overwritten before they were read; the next one follows.
    if (code === "EPIPE") return "";
    throw err;
  }
}
