/** Lists of CPUs as the kernel writes them: `0-2,7`. Pure. @module */

/** What the kernel is built for at most. */
const CPUS_MAX = 8192;
const RANGE = /^(\d+)(?:-(\d+))?$/u;

/** Throws for what is no such list. */
export function parseCpuset(text: string): ReadonlySet<number> {
  const cpus = new Set<number>();
  if (text.trim() === "") return cpus;
  for (const part of text.trim().split(",")) {
    const [, first, last = first] = RANGE.exec(part) ?? [];
    if (first === undefined || Number(last) < Number(first))
      throw new Error(`invalid range ${JSON.stringify(part)} in the list of CPUs ${JSON.stringify(text)}`);
    if (Number(last) >= CPUS_MAX) throw new Error(`no machine has the CPU ${last}`);
    for (let cpu = Number(first); cpu <= Number(last); cpu++) cpus.add(cpu);
  }
  return cpus;
}
