/** The syntax of cron schedules: five fields, or a name such as `@daily`. @module */

interface CronField {
  readonly name: string;
  readonly min: number;
  readonly max: number;
  readonly names?: readonly string[];
}

const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const FIELDS: readonly CronField[] = [
  { name: "minute", min: 0, max: 59 },
  { name: "hour", min: 0, max: 23 },
  { name: "day of month", min: 1, max: 31 },
  { name: "month", min: 1, max: 12, names: MONTHS },
  { name: "day of week", min: 0, max: 6, names: DAYS },
];
const DESCRIPTORS = new Set([
  "@yearly",
  "@annually",
  "@monthly",
  "@weekly",
  "@daily",
  "@midnight",
  "@hourly",
]);
const EVERY = /^@every (?:\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h))+$/;

/** What is wrong with a schedule, in the words of the parser that Kubernetes uses; undefined when nothing is. */
export function scheduleProblem(schedule: string): string | undefined {
  const text = schedule.replace(/^(?:CRON_)?TZ=\S+\s+/, "").trim();
  if (text.startsWith("@")) {
    return DESCRIPTORS.has(text) || EVERY.test(text) ? undefined : `unrecognized descriptor: ${text}`;
  }
  const fields = text === "" ? [] : text.split(/\s+/);
  if (fields.length !== FIELDS.length) {
    return `expected exactly ${FIELDS.length} fields, found ${fields.length}: [${fields.join(" ")}]`;
  }
  for (const [i, field] of fields.entries()) {
    for (const part of field.split(",")) {
      const problem = rangeProblem(part, FIELDS[i]!);
      if (problem !== undefined) return problem;
    }
  }
  return undefined;
}

/** `*`, `?`, `3`, `1-5`, and any of them with `/step`. */
function rangeProblem(text: string, field: CronField): string | undefined {
  const [range = "", step, ...moreSteps] = text.split("/");
  if (moreSteps.length > 0) return `too many slashes: ${text}`;
  const [first = "", last, ...moreBounds] = range.split("-");
  if (moreBounds.length > 0) return `too many hyphens: ${text}`;
  const isAll = first === "*" || first === "?";
  const start = isAll ? field.min : valueOf(first, field);
  const end = isAll
    ? field.max
    : last === undefined
      ? step === undefined
        ? start
        : field.max
      : valueOf(last, field);
  if (start === undefined) return parseProblem(first);
  if (end === undefined) return parseProblem(last ?? "");
  const every = step === undefined ? 1 : valueOf(step, { ...field, names: [] });
  if (every === undefined) return parseProblem(step!);
  if (start < field.min) return `beginning of range (${start}) below minimum (${field.min}): ${text}`;
  if (end > field.max) return `end of range (${end}) above maximum (${field.max}): ${text}`;
  if (start > end) return `beginning of range (${start}) beyond end of range (${end}): ${text}`;
  return every === 0 ? `step of range should be a positive number: ${text}` : undefined;
}

function valueOf(text: string, { names = [], min }: CronField): number | undefined {
  const index = names.indexOf(text.toLowerCase());
  if (index >= 0) return index + min;
  return /^\d+$/.test(text) ? Number(text) : undefined;
}

function parseProblem(text: string): string {
  return `failed to parse int from ${text}: strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`;
}
