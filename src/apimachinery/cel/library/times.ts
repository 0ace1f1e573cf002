/** Parts of times, in UTC or in a time zone, and lengths of durations. @module */
import { fn, type Declaration } from "../functions.ts";
import { floorDiv } from "../time-text.ts";
import { CelError, type CelValue, type Duration, type Timestamp } from "../values.ts";

const MILLI = 1_000_000n;
const SECOND = 1000n * MILLI;

/** The moment as a UTC date whose fields are the zone's. */
function localDate({ nanos }: Timestamp, zone: string | undefined): Date {
  const ms = Number(floorDiv(nanos, MILLI));
  if (zone === undefined || zone === "" || zone === "UTC") return new Date(ms);
  const [, sign, hours, minutes] = /^([-+]?)(\d\d):(\d\d)$/.exec(zone) ?? [];
  if (hours !== undefined) {
    const offset = (Number(hours) * 60 + Number(minutes)) * 60_000;
    return new Date(sign === "-" ? ms - offset : ms + offset);
  }
  return new Date(zoned(ms, zone));
}

function zoned(ms: number, zone: string): number {
  try {
    const format = new Intl.DateTimeFormat("en-US", {
      timeZone: zone,
      hourCycle: "h23",
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
      second: "numeric",
    });
    const fields = Object.fromEntries(
      format.formatToParts(ms).map(({ type, value }) => [type, Number(value)]),
    );
    const whole = Date.UTC(
      fields["year"]!,
      fields["month"]! - 1,
      fields["day"],
      fields["hour"],
      fields["minute"],
      fields["second"],
    );
    return whole + (((ms % 1000) + 1000) % 1000);
  } catch (cause) {
    throw new CelError(`unknown time zone ${zone}`, { cause });
  }
}

function dayOfYear(date: Date): number {
  const start = Date.UTC(date.getUTCFullYear(), 0, 1);
  return Math.floor((date.getTime() - start) / 86_400_000);
}

/** `getX()` and `getX(zone)` of times. */
function part(name: string, id: string, read: (date: Date) => number): readonly Declaration[] {
  const run = (time: CelValue, zone?: CelValue): bigint =>
    BigInt(read(localDate(time as Timestamp, zone as string | undefined)));
  return [
    fn(name, `timestamp_to_${id}`, "timestamp.(): int", run),
    fn(name, `timestamp_to_${id}_with_tz`, "timestamp.(string): int", run),
  ];
}

function ofDuration(name: string, id: string, unit: bigint, within: bigint | undefined): Declaration {
  return fn(name, `duration_to_${id}`, "duration.(): int", ({ nanos }: Duration) =>
    within === undefined ? nanos / unit : (nanos % within) / unit,
  );
}

export const TIMES: readonly Declaration[] = [
  ...part("getFullYear", "year", (date) => date.getUTCFullYear()),
  ...part("getMonth", "month", (date) => date.getUTCMonth()),
  ...part("getDayOfYear", "day_of_year", dayOfYear),
  ...part("getDayOfMonth", "day_of_month", (date) => date.getUTCDate() - 1),
  ...part("getDate", "day_of_month_1_based", (date) => date.getUTCDate()),
  ...part("getDayOfWeek", "day_of_week", (date) => date.getUTCDay()),
  ...part("getHours", "hours", (date) => date.getUTCHours()),
  ...part("getMinutes", "minutes", (date) => date.getUTCMinutes()),
  ...part("getSeconds", "seconds_tz", (date) => date.getUTCSeconds()),
  ...part("getMilliseconds", "milliseconds", (date) => date.getUTCMilliseconds()),
  ofDuration("getHours", "hours", 3600n * SECOND, undefined),
  ofDuration("getMinutes", "minutes", 60n * SECOND, undefined),
  ofDuration("getSeconds", "seconds", SECOND, undefined),
  ofDuration("getMilliseconds", "milliseconds", MILLI, SECOND),
];
