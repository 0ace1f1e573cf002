/** What a container has to say about its end: its termination log, or the tail of its output. @module */
import { open } from "node:fs/promises";
import type { ContainerStatus } from "#cri";
import { TERMINATION_MESSAGE_PATH, TERMINATION_MESSAGE_POLICY } from "../container/labels.ts";
import { parseLogLine } from "../server/log-format.ts";

const MESSAGE_BYTES_MAX = 4096;
const LOG_BYTES_MAX = 2048;
const LOG_LINES_MAX = 80;
/** What stands before the text of a line: its time, stream and tag. */
const LINE_HEAD_BYTES_MAX = 64;
const RAW_LOG_BYTES_MAX = LOG_BYTES_MAX + LOG_LINES_MAX * LINE_HEAD_BYTES_MAX;

export async function readTerminationMessage(status: ContainerStatus): Promise<string> {
  const path = status.annotations[TERMINATION_MESSAGE_PATH];
  const mount = status.mounts.find(({ containerPath }) => containerPath === path);
  if (mount !== undefined) {
    const message = await readTail(mount.hostPath, MESSAGE_BYTES_MAX, "start");
    if (message !== "") return message;
  }
  const fallback = status.annotations[TERMINATION_MESSAGE_POLICY] === "FallbackToLogsOnError";
  if (!fallback || status.exitCode === 0 || status.logPath === "") return "";
  return logTail(await readTail(status.logPath, RAW_LOG_BYTES_MAX, "end"));
}

/** The last lines without timestamps and streams. The first may lack its head: the log was not read from there. */
function logTail(log: string): string {
  const lines = log
    .split("\n")
    .filter((line) => line !== "")
    .slice(-LOG_LINES_MAX)
    .map((line) => {
      const { text, partial } = parseLogLine(line) ?? { text: line, partial: false };
      return partial ? text : `${text}\n`;
    });
  return lines.join("").slice(-LOG_BYTES_MAX);
}

/** "" when the file is missing: the pod's folder may be gone before the container. */
async function readTail(path: string, bytesMax: number, from: "start" | "end"): Promise<string> {
  try {
    await using file = await open(path);
    const { size } = await file.stat();
    const position = from === "start" ? 0 : Math.max(0, size - bytesMax);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(bytesMax), 0, bytesMax, position);
    return buffer.toString("utf8", 0, bytesRead);
  } catch (err) {
    if (["ENOENT", "ENOTDIR", "EISDIR"].includes((err as NodeJS.ErrnoException).code ?? "")) return "";
    throw err;
  }
}
