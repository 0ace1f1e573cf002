/** A log file for each component of a process, so that `kubectl logs` of its pod shows its own lines. @module */
import { appendFileSync, mkdirSync, renameSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { Clock, Logger } from "#apimachinery";
import { createLogger, lossyLines } from "#component-base";

/** A file that is longer when the process starts moves aside; one old file is kept. */
const FILE_BYTES_MAX = 10 << 20;
const STDERR = 2;

/** Lines go to `<logDir>/<component>.log`, warnings and errors also to standard error. Without a folder all go there. */
export function componentLogger(component: string, logDir: string | undefined, clock: Clock): Logger {
  if (logDir === undefined) return createLogger({ component, clock });
  const file = componentLogPath(logDir, component);
  mkdirSync(logDir, { recursive: true });
  rotate(file);
  return createLogger({
    component,
    clock,
    write(text) {
      try {
        appendFileSync(file, text);
      } finally {
        if (!text.startsWith('{"level":"info"') && !text.startsWith('{"level":"debug"')) toStderr(text);
      }
    },
  });
}

/** What cannot be written there is in the file, or the file tells how much is missing. */
const toStderr = lossyLines(
  (text) => void writeSync(STDERR, text),
  () => "",
);

export function componentLogPath(logDir: string, component: string): string {
  return join(logDir, `${component}.log`);
}

function rotate(file: string): void {
  const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  if (size > FILE_BYTES_MAX) renameSync(file, `${file}.1`);
}

/** Several nodes of one machine share a log folder. */
export function agentLogDir({
  logDir,
  nodeName,
}: {
  readonly logDir?: string;
  readonly nodeName: string;
}): string | undefined {
  return logDir === undefined ? undefined : join(logDir, nodeName);
}
