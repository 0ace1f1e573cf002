/** Copies a component's log into its pod's, in CRI's format. @module */
import { appendFile, mkdir, open, stat, type FileHandle } from "node:fs/promises";
import { dirname } from "node:path";
import type { Clock } from "#apimachinery";

/** At each look; a component that writes more than this a second is read late, not in one gulp. */
const BYTES_PER_LOOK_MAX = 256 * 1024;
/** Where the first look begins, from the end: enough to see how the component started. */
const BYTES_BEFORE_MAX = 64 * 1024;

export interface LogCopy {
  /** Copies the whole lines that are new. A source or target that cannot be opened is left for the next time. */
  copy(): Promise<void>;
}

/** Without a source, or a target (a pod without a log folder), nothing is copied; the target is made all the same. */
export function createLogCopy(source: string | undefined, target: string, clock: Clock): LogCopy {
  let position: number | undefined;
  let isThere = target === "";
  return {
    async copy() {
      if (!isThere) {
        // also of what says nothing: the kubelet counts restarts by these files, and `kubectl logs` reads them
        await append(target, "");
        isThere = true;
      }
      if (source === undefined || target === "" || (await sizeOf(source)) === position) return;
      const file = await openIfThere(source);
      if (file === undefined) return;
      try {
        const { size } = await file.stat();
        // A shorter file is another one: it was rotated.
        if (position === undefined) position = Math.max(0, size - BYTES_BEFORE_MAX);
        else if (size < position) position = 0;
        const { bytesRead, buffer } = await file.read({
          buffer: Buffer.alloc(Math.min(BYTES_PER_LOOK_MAX, size - position)),
          position,
        });
        const chunk = buffer.subarray(0, bytesRead);
        const end = chunk.lastIndexOf(0x0a) + 1;
        // A line longer than a look is cut: it would never end.
        const whole = end === 0 && bytesRead === BYTES_PER_LOOK_MAX ? bytesRead : end;
        if (whole === 0) return;
        await append(target, inFormatOfCri(chunk.toString("utf8", 0, whole), clock));
        position += whole;
      } finally {
        await file.close();
      }
    },
  };
}

function inFormatOfCri(text: string, clock: Clock): string {
  const at = new Date(clock.now()).toISOString().replace("Z", "000000Z");
  const lines = text.replace(/\n$/, "").split("\n");
  return lines.map((line) => `${at} stdout F ${line}\n`).join("");
}

async function append(target: string, text: string): Promise<void> {
  await mkdir(dirname(target), { recursive: true });
  await appendFile(target, text);
}

/** Undefined when it is not there. It is asked once a second, and seldom is anything new. */
async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).size;
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw err;
  }
}

async function openIfThere(path: string): Promise<FileHandle | undefined> {
  return open(path).catch((err: NodeJS.ErrnoException) => {
    if (err.code === "ENOENT") return undefined;
    throw err;
  });
}
