/** A log file for each component of a process, so that `kubectl logs` of its pod shows its own lines. @module */
import { appendFileSync, mkdirSync, renameSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { Clock, Logger } from "#apimachinery";
import { createLogger } from "#component-base";
import { isOutputLost } from "./lost-output.ts";

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
    write(line) {
      orDrop(() => appendFileSync(file, line));
      if (!line.startsWith('{"level":"info"') && !line.startsWith('{"level":"debug"'))
        orDrop(() => writeSync(STDERR, line));
    },
  });
}

/** A full disk costs lines, not the cluster: there is nowhere left to say so. */
function orDrop(write: () => unknown): void {
  try {
    write();
  } catch (err) {
    if (!isOutputLost(err as NodeJS.ErrnoException)) throw err;
  }
}

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
