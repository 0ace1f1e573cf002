/** Processes by what the kernel says of them, so that only our own are ever signalled. @module */
import { readFile, readdir } from "node:fs/promises";

/** The command line; undefined when there is no such process (or it is a zombie, which has none). */
export async function commandLine(pid: number): Promise<readonly string[] | undefined> {
  const text = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
  return text === "" ? undefined : text.replace(/\0$/, "").split("\0");
}

/** Whether the process exists and has not ended. One that has just replaced its program has no command line for a moment. */
export async function isAlive(pid: number): Promise<boolean> {
  const text = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  // The name before the state is in parentheses and may hold anything.
  const state = text.slice(text.lastIndexOf(")") + 2, text.lastIndexOf(")") + 3);
  return state !== "" && !"ZX".includes(state);
}

/** Processes whose command line satisfies `matches`. */
export async function findProcesses(
  matches: (argv: readonly string[]) => boolean,
): Promise<readonly number[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
  const found: number[] = [];
  for (const pid of pids) {
    const argv = await commandLine(pid);
    if (argv !== undefined && matches(argv)) found.push(pid);
  }
  return found;
}

/** False when it is gone already. */
export function signalProcess(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === "ESRCH") return false;
    throw err;
  }
}
