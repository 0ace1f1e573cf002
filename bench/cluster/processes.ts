/** Memory and processor time of processes, from /proc. @module */
import { readdirSync, readFileSync } from "node:fs";

/** `getconf CLK_TCK` of every Linux that we know. */
const TICKS_PER_SECOND = 100;

/** Processes whose command line says one of `words`. */
export function processesOf(words: readonly string[]): readonly number[] {
  return readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry) && Number(entry) !== process.pid)
    .map(Number)
    .filter((pid) => words.some((word) => read(pid, "cmdline").includes(word)));
}

/**
 * As if nothing else ran on the machine: what is theirs alone, and of every file as much as the one that has most of it.
 * (PSS would make the cluster look smaller the more other Node processes there are.)
 */
export function memoryBytes(pids: readonly number[]): number {
  let anonymous = 0;
  const files = new Map<string, number>();
  for (const pid of pids) {
    const own = new Map<string, number>();
    let file = "";
    let rss = 0;
    for (const line of read(pid, "smaps").split("\n")) {
      const mapping = /^[\da-f]+-[\da-f]+ \S+ \S+ \S+ \S+\s*(.*)$/.exec(line);
      if (mapping !== null) file = mapping[1]!;
      const [, field, kibibytes] = /^(Rss|Anonymous):\s+(\d+) kB$/.exec(line) ?? [];
      if (field === "Rss") rss = Number(kibibytes);
      if (field !== "Anonymous") continue;
      anonymous += Number(kibibytes);
      own.set(file, (own.get(file) ?? 0) + rss - Number(kibibytes));
    }
    for (const [name, kibibytes] of own) files.set(name, Math.max(files.get(name) ?? 0, kibibytes));
  }
  const shared = [...files.values()].reduce((sum, kibibytes) => sum + kibibytes, 0);
  return (anonymous + shared) * 1024;
}

export function cpuSeconds(pids: readonly number[]): number {
  const ticks = pids.map((pid) => {
    const stat = read(pid, "stat");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return Number(fields[11] ?? 0) + Number(fields[12] ?? 0);
  });
  return ticks.reduce((sum, count) => sum + count, 0) / TICKS_PER_SECOND;
}

/** "" when the process has ended. */
function read(pid: number, file: "cmdline" | "smaps" | "stat"): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch {
    return "";
  }
}
