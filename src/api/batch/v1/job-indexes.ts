/** Lists of indexes of a job's pods, as `1,3-5`. @module */
import { quote } from "#apimachinery";

type Interval = readonly [from: number, to: number];

/** How many indexes there are, or what is wrong with them. */
export function parseIndexes(text: string, completions: number): number | string {
  if (text === "") return 0;
  let last: number | undefined;
  let total = 0;
  for (const part of text.split(",")) {
    const interval = parseInterval(part, completions);
    if (typeof interval === "string") return interval;
    const [from, to] = interval;
    if (last !== undefined && last >= from)
      return `non-increasing order, previous: ${last}, current: ${from}`;
    total += to - from + 1;
    last = to;
  }
  return total;
}

function parseInterval(text: string, completions: number): Interval | string {
  const limits = text.split("-");
  if (limits.length > 2) {
    return `the fragment ${quote(text)} violates the requirement that an index interval can have at most two parts separated by '-'`;
  }
  const from = parseIndex(limits[0]!, completions);
  if (typeof from === "string" || limits.length === 1) return typeof from === "string" ? from : [from, from];
  const to = parseIndex(limits[1]!, completions);
  if (typeof to === "string") return to;
  return from >= to ? `non-increasing order, previous: ${from}, current: ${to}` : [from, to];
}

function parseIndex(text: string, completions: number): number | string {
  if (!/^[+]?\d+$/.test(text)) return `cannot convert string to integer for index: ${quote(text)}`;
  const index = Number(text);
  return index >= completions ? `too large index: ${quote(text)}` : index;
}

/** What two lists have in common; undefined when that is nothing. Intervals that cannot be read are skipped. */
export function overlapOf(completed: string, failed: string, completions: number): string | undefined {
  const [a, b] = [intervalsOf(completed, completions), intervalsOf(failed, completions)];
  let [i, k] = [0, 0];
  while (i < a.length && k < b.length) {
    const [[aFrom, aTo], [bFrom, bTo]] = [a[i]!, b[k]!];
    if (aFrom <= bTo && bFrom <= aTo) {
      return `failedIndexes and completedIndexes overlap at index: ${Math.max(aFrom, bFrom)}`;
    }
    if (aFrom <= bFrom) i++;
    else k++;
  }
  return undefined;
}

function intervalsOf(text: string, completions: number): readonly Interval[] {
  if (text === "") return [];
  return text.split(",").flatMap((part) => {
    const interval = parseInterval(part, completions);
    return typeof interval === "string" ? [] : [interval];
  });
}
