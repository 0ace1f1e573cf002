/** Whether anything runs in a network namespace: one that nobody is in was left behind. @module */
import { readdirSync, statSync } from "node:fs";

/** Of a namespace in `/run/netns`; false when there is none. */
export function hasProcesses(name: string): boolean {
  const wanted = inode(`/run/netns/${name}`);
  if (wanted === undefined) return false;
  const ids = readdirSync("/proc").filter((entry) => /^\d+$/.test(entry));
  return ids.some((id) => inode(`/proc/${id}/ns/net`) === wanted);
}

/** Undefined: it ended meanwhile, or never was. */
function inode(path: string): number | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false })?.ino;
  } catch (err) {
    const { code } = err as NodeJS.ErrnoException;
    if (code === "ESRCH" || code === "EACCES") return undefined;
    throw err;
  }
}
