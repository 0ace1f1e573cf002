/** What a container has to say about its end: its termination log, or the tail of its output. @module */
import type { ContainerStatus } from "#cri";
import { TERMINATION_MESSAGE_PATH, TERMINATION_MESSAGE_POLICY } from "../container/labels.ts";
import { parseLogLine } from "../server/log-format.ts";
import { openRegular, readAtMost } from "../volumes/open-inside.ts";

const MESSAGE_BYTES_MAX = 4096;
const LOG_BYTES_MAX = 2048;
const LOG_LINES_MAX = 80;
/** What stands before the text of a line: its time, stream and tag. */
const LINE_HEAD_BYTES_MAX = 64;
const RAW_LOG_BYTES_MAX = LOG_BYTES_MAX + LOG_LINES_MAX * LINE_HEAD_BYTES_MAX;

/** What cannot be read is told instead: a container chooses its files, and must not keep its own end from being seen. */
export async function readTerminationMessage(status: ContainerStatus): Promise<string> {
  const path = status.annotations[TERMINATION_MESSAGE_PATH];
  const mount = status.mounts.find(({ containerPath }) => containerPath === path);
  if (mount !== undefined) {
    const message = await orProblem(
      `Error on reading termination log ${mount.hostPath}`,
      readHead(mount.hostPath),
    );
    if (message !== "") return message;
  }
  const fallback = status.annotations[TERMINATION_MESSAGE_POLICY] === "FallbackToLogsOnError";
  if (!fallback || status.exitCode === 0 || status.logPath === "") return "";
  const log = readTail(status.logPath).then(logTail);
  return orProblem("Error on reading termination message from logs", log);
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

/** A container may have mounted whatever it likes where its message is looked for. */
async function readHead(path: string): Promise<string> {
  await using file = await openRegular(path);
  return (await readAtMost(file, MESSAGE_BYTES_MAX)).toString("utf8");
}

/** Runtimes may have a link where the log is. */
async function readTail(path: string): Promise<string> {
  await using file = await openRegular(path, "follow");
  const { size } = await file.stat();
  const position = Math.max(0, size - RAW_LOG_BYTES_MAX);
  return (await readAtMost(file, RAW_LOG_BYTES_MAX, position)).toString("utf8");
}

/** "" when the file is missing: the pod's folder may be gone before the container. */
async function orProblem(what: string, reading: Promise<string>): Promise<string> {
  try {
    return await reading;
  } catch (err) {
    const { code, message } = err as NodeJS.ErrnoException;
    return code === "ENOENT" ? "" : `${what}: ${message}`;
  }
}
