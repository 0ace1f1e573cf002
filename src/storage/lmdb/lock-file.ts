/** Keeps two processes from opening one store: a file that names its holder, ignored when that process is gone. @module */
import { randomUUID } from "node:crypto";
import { linkSync, readFileSync, rmSync, writeFileSync } from "node:fs";

/** Takes the lock or throws, naming the process that has it. Returns what releases it. */
export function lockFile(path: string): () => void {
  const own = `${process.pid} ${startOf(process.pid) ?? ""}`;
  const draft = `${path}.${randomUUID()}`;
  // Linking a complete file is atomic: nobody ever sees a lock without its holder.
  writeFileSync(draft, own);
  try {
    for (;;) {
      try {
        linkSync(draft, path);
        return () => rmSync(path, { force: true });
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      }
      const holder = readHolder(path);
      if (holder?.alive === true) throw new Error(`${path} is held by process ${holder.pid}`);
      rmSync(path, { force: true });
    }
  } finally {
    rmSync(draft, { force: true });
  }
}

function readHolder(path: string): { readonly pid: number; readonly alive: boolean } | undefined {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    return undefined; // let go meanwhile: the next try to create it tells
  }
  const [pid, start] = text.split(" ");
  return {
    pid: Number(pid),
    alive: isAlive(Number(pid)) && (startOf(Number(pid)) ?? "") === start && start !== undefined,
  };
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** When the process started, so that another one with a recycled number is told apart; undefined when it
 * is dead already, and outside Linux. */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    if (/\) [ZX] /.test(stat)) return undefined;
    // The name of the process may hold spaces and parentheses: count from behind it. Field 22 is the start time.
    return `${boot}/${stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]}`;
  } catch {
    return undefined;
  }
}
