/** Completion indexes as text: `1,3-5,7`. @module */

/** Text that is no index is skipped, as upstream does. */
export function parseIndexes(text: string | undefined): ReadonlySet<number> {
  const indexes = new Set<number>();
  for (const part of (text ?? "").split(",")) {
    const match = /^(\d+)(?:-(\d+))?$/.exec(part);
    if (match === null) continue;
    for (let index = Number(match[1]); index <= Number(match[2] ?? match[1]); index++) indexes.add(index);
  }
  return indexes;
}

/** How many there are, without making them. */
export function countIndexes(text: string | undefined): number {
  const parts = (text ?? "").split(",").map((part) => /^(\d+)(?:-(\d+))?$/.exec(part));
  return parts.reduce((sum, m) => sum + (m === null ? 0 : Number(m[2] ?? m[1]) - Number(m[1]) + 1), 0);
}

/** Runs of two are written as two numbers, longer ones as a range, as upstream does. */
export function formatIndexes(indexes: ReadonlySet<number>): string {
  const sorted = [...indexes].toSorted((a, b) => a - b);
  const runs: [number, number][] = [];
  for (const index of sorted) {
    const last = runs.at(-1);
    if (last !== undefined && last[1] === index - 1) last[1] = index;
    else runs.push([index, index]);
  }
  return runs
    .map(([first, last]) =>
      first === last ? `${first}` : last === first + 1 ? `${first},${last}` : `${first}-${last}`,
    )
    .join(",");
}
