/**
 * Keeps a program running after the command that started it has ended: a few lines of `sh` (1 MB) restart it when it dies.
 * @module
 */
import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import type { Clock } from "#apimachinery";
import { isAlive, signalProcess } from "#component-base";
import { markOf, pidFile, programState } from "./program-state.ts";

export interface Program {
  /** `server`, `k8ts-m02.agent`; unique in its pid folder. */
  readonly name: string;
  readonly command: readonly [string, ...string[]];
  readonly pidDir: string;
  readonly logFile: string;
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * $1 is the file for the child's pid; the rest is the command. A child that lived under 2 s waits before the next try,
 * 0.1 s at first, then 1 s, so that a crash loop costs little. A stop that comes just before a child is started finds none
 * to tell, so it is looked for again afterwards; several times, because a child loses a signal that comes before its exec.
 */
const SUPERVISE = `
pidfile=$1; shift
stop=
child=
trap 'stop=1; [ -n "$child" ] && kill -TERM "$child" 2>/dev/null' TERM INT
trap '' HUP
pause=0.1
while [ -z "$stop" ]; do
  begin=$(date +%s)
  "$@" </dev/null &
  child=$!
  echo "$child" >"$pidfile"
  while [ -n "$stop" ] && kill -TERM "$child" 2>/dev/null; do sleep 0.1; done
  wait "$child"
  code=$?
  while kill -0 "$child" 2>/dev/null; do wait "$child"; code=$?; done
  [ -n "$stop" ] && break
  echo "{\\"level\\":\\"warn\\",\\"component\\":\\"supervisor\\",\\"msg\\":\\"process ended with code $code; starting it again\\"}"
  if [ $(($(date +%s) - begin)) -lt 2 ]; then sleep $pause; pause=1; else pause=0.1; fi
done
rm -f "$pidfile"
`;

const POLL_MS = 20;
const KILL_WAIT_MS = 5_000;

/** Starts the program unless it is running already, and says whether it did. */
export async function startProgram(program: Program): Promise<boolean> {
  const state = await programState(program.pidDir, program.name);
  if (state.supervisorPid !== undefined) return false;
  // its supervisor was killed: the new one starts another child, which waits for what this one holds
  if (state.childPid !== undefined) signalProcess(state.childPid, "SIGTERM");
  await mkdir(program.pidDir, { recursive: true });
  const log = openSync(program.logFile, "a", 0o600);
  try {
    const childPidFile = pidFile(program.pidDir, `${program.name}.child`);
    const child = spawn("/bin/sh", ["-c", SUPERVISE, "k8ts-supervisor", childPidFile, ...program.command], {
      detached: true,
      stdio: ["ignore", log, log],
      cwd: "/",
      env: { ...program.env, ...markOf(program.pidDir, program.name) },
    });
    await new Promise<void>((resolve, reject) => {
      child.once("spawn", resolve);
      child.once("error", reject);
    });
    await writeFile(pidFile(program.pidDir, program.name), `${child.pid}\n`);
    child.unref();
    return true;
  } finally {
    closeSync(log);
  }
}

/** TERM, then KILL after `graceMs`. Resolves when both processes are gone. */
export async function stopProgram(
  pidDir: string,
  name: string,
  graceMs: number,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  const { supervisorPid, childPid } = await programState(pidDir, name);
  const pids = [supervisorPid, childPid].filter((pid) => pid !== undefined);
  for (const pid of pids) signalProcess(pid, "SIGTERM");
  if (!(await gone(pids, graceMs, clock, signal))) {
    // the supervisor first, or it would start another child
    const late = await programState(pidDir, name);
    const left = [late.supervisorPid, late.childPid].filter((pid) => pid !== undefined);
    for (const pid of left) signalProcess(pid, "SIGKILL");
    await gone(left, KILL_WAIT_MS, clock, signal);
  }
  await Promise.all([name, `${name}.child`].map((file) => rm(pidFile(pidDir, file), { force: true })));
}

async function gone(
  pids: readonly number[],
  withinMs: number,
  clock: Clock,
  signal: AbortSignal,
): Promise<boolean> {
  const deadline = clock.monotonicMs() + withinMs;
  for (;;) {
    const alive = await Promise.all(pids.map(isAlive));
    if (!alive.includes(true)) return true;
    if (clock.monotonicMs() > deadline) return false;
    await clock.sleep(POLL_MS, signal);
  }
}
