/**
 * Whether a supervised program runs. Each has two files in the pid folder, `NAME.pid` (the supervisor) and `NAME.child.pid`;
 * a pid counts only while its environment still carries our mark, so a reused pid is never signalled.
 * @module
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";

export interface ProgramState {
  readonly supervisorPid: number | undefined;
  readonly childPid: number | undefined;
}

const MARK = "K8TS_PROGRAM";
const mark = (pidDir: string, name: string): string => `${pidDir}:${name}`;

export async function programState(pidDir: string, name: string): Promise<ProgramState> {
  const [supervisorPid, childPid] = await Promise.all([
    livePid(pidDir, name, name),
    livePid(pidDir, `${name}.child`, name),
  ]);
  return { supervisorPid, childPid };
}

/** What the environment of a program says of it. */
export function markOf(pidDir: string, name: string): Readonly<Record<string, string>> {
  return { [MARK]: mark(pidDir, name) };
}

export function pidFile(pidDir: string, name: string): string {
  return join(pidDir, `${name}.pid`);
}

async function livePid(pidDir: string, file: string, name: string): Promise<number | undefined> {
  const text = await readFile(pidFile(pidDir, file), "utf8").catch(() => "");
  const pid = Number.parseInt(text, 10);
  if (!Number.isSafeInteger(pid) || pid <= 1) return undefined;
  const environ = await readFile(`/proc/${pid}/environ`, "latin1").catch(() => "");
  return environ.split("\0").includes(`${MARK}=${mark(pidDir, name)}`) ? pid : undefined;
}
