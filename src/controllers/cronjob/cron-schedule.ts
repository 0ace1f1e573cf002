/**
 * When a cron schedule falls due, in its time zone. A time is due when the clock on the wall there shows it: hours that
 * the change to summer time leaves out are skipped, hours that come twice are due twice, as in upstream.
 * @module
 */
import { parseDuration } from "#apimachinery";
import type { LocalTime, Zone } from "./time-zone.ts";
import { newZone } from "./time-zone.ts";

export interface CronSchedule {
  readonly zone: Zone;
  /** The first time due after `afterMs`; undefined when none is within five years (31 February). */
  readonly next: (afterMs: number) => number | undefined;
}

interface Field {
  readonly values: ReadonlySet<number>;
  readonly isStar: boolean;
}

interface Fields {
  readonly minute: Field;
  readonly hour: Field;
  readonly dayOfMonth: Field;
  readonly month: Field;
  readonly dayOfWeek: Field;
}

const MINUTE_MS = 60_000;
const HOUR_MINUTES = 60;
const DAY_MINUTES = 24 * HOUR_MINUTES;
const YEARS_MAX = 5;

const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const DESCRIPTORS: Readonly<Record<string, string>> = {
  "@yearly": "0 0 1 1 *",
  "@annually": "0 0 1 1 *",
  "@monthly": "0 0 1 * *",
  "@weekly": "0 0 * * 0",
  "@daily": "0 0 * * *",
  "@midnight": "0 0 * * *",
  "@hourly": "0 * * * *",
};

/** `text` has passed validation; `timeZone` counts where the text names none. Throws a RangeError for unknown zones. */
export function parseSchedule(text: string, timeZone: string | undefined): CronSchedule {
  const [, named, rest = text] = /^(?:CRON_)?TZ=(\S+)\s+(.*)$/.exec(text) ?? [];
  const zone = newZone(named ?? timeZone ?? "UTC");
  const spec = rest.trim();
  if (spec.startsWith("@every ")) return { zone, next: every(parseDuration(spec.slice("@every ".length))) };
  const fields = parseFields(DESCRIPTORS[spec] ?? spec);
  return { zone, next: (afterMs) => next(fields, zone, afterMs) };
}

/** Whole seconds, at least one. */
function every(durationMs: number): (afterMs: number) => number {
  const seconds = Math.max(Math.floor(durationMs / 1000), 1);
  return (afterMs) => (Math.floor(afterMs / 1000) + seconds) * 1000;
}

function parseFields(text: string): Fields {
  const [minute = "", hour = "", dayOfMonth = "", month = "", dayOfWeek = "", ...rest] = text.split(/\s+/);
  if (dayOfWeek === "" || rest.length > 0) throw new RangeError(`expected exactly 5 fields: ${text}`);
  return {
    minute: parseField(minute, 0, 59),
    hour: parseField(hour, 0, 23),
    dayOfMonth: parseField(dayOfMonth, 1, 31),
    month: parseField(month, 1, 12, MONTHS),
    dayOfWeek: parseField(dayOfWeek, 0, 6, DAYS),
  };
}

/** A list of `*`, `?`, `3`, `1-5`, each with an optional `/step`. A star with a step counts as a restriction. */
function parseField(text: string, min: number, max: number, names: readonly string[] = []): Field {
  const valueOf = (word: string): number => {
    const index = names.indexOf(word.toLowerCase());
    return index < 0 ? Number(word) : index + min;
  };
  const values = new Set<number>();
  let isStar = false;
  for (const part of text.split(",")) {
    const [range = "", step] = part.split("/");
    const [first = "", last] = range.split("-");
    const isAll = first === "*" || first === "?";
    const start = isAll ? min : valueOf(first);
    const end = isAll || (last === undefined && step !== undefined) ? max : valueOf(last ?? first);
    const by = step === undefined ? 1 : Number(step);
    if (!(by > 0) || !(start >= min) || !(end <= max)) throw new RangeError(`not a range of times: ${part}`);
    if (isAll && by === 1) isStar = true;
    for (let value = start; value <= end; value += by) values.add(value);
  }
  return { values, isStar };
}

/** Jumps over whole months, days and hours that cannot be due. */
function next(fields: Fields, zone: Zone, afterMs: number): number | undefined {
  let t = (Math.floor(afterMs / MINUTE_MS) + 1) * MINUTE_MS;
  const last = zone.localTime(t).year + YEARS_MAX;
  for (;;) {
    const local = zone.localTime(t);
    if (local.year > last) return undefined;
    if (!fields.month.values.has(local.month)) t = laterDay(zone, t, local, daysLeftInMonth(local));
    else if (!isDayDue(fields, local)) t = laterDay(zone, t, local, 0);
    else if (!fields.hour.values.has(local.hour)) t += (HOUR_MINUTES - local.minute) * MINUTE_MS;
    else if (!fields.minute.values.has(local.minute)) t += MINUTE_MS;
    else return t;
  }
}

/** With both kinds of day restricted, either will do; else both must fit. */
function isDayDue({ dayOfMonth, dayOfWeek }: Fields, { day, weekday }: LocalTime): boolean {
  const [fitsMonth, fitsWeek] = [dayOfMonth.values.has(day), dayOfWeek.values.has(weekday)];
  return dayOfMonth.isStar || dayOfWeek.isStar ? fitsMonth && fitsWeek : fitsMonth || fitsWeek;
}

/** Whole days to jump so that the first of the next month is not passed. */
function daysLeftInMonth({ year, month, day }: LocalTime): number {
  return Math.max(new Date(Date.UTC(year, month, 0)).getUTCDate() - day - 1, 0);
}

/** The first minute of a later day; it need not be midnight where the clocks change then. */
function laterDay(zone: Zone, t: number, { hour, minute }: LocalTime, daysMore: number): number {
  const minutes = DAY_MINUTES - hour * HOUR_MINUTES - minute + daysMore * DAY_MINUTES;
  const reached = t + minutes * MINUTE_MS;
  const local = zone.localTime(reached);
  const past = local.hour * HOUR_MINUTES + local.minute;
  if (past === 0 || past > DAY_MINUTES / 2) return reached;
  const earlier = reached - past * MINUTE_MS;
  return zone.localTime(earlier).day === local.day ? earlier : reached;
}
