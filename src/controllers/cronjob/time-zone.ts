/** What the clock on the wall shows in a time zone, from the runtime's own tables. @module */

export interface LocalTime {
  readonly year: number;
  /** 1 to 12. */
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  /** 0 is Sunday. */
  readonly weekday: number;
}

export interface Zone {
  readonly localTime: (ms: number) => LocalTime;
  /** RFC 3339 with the zone's offset: `2026-03-29T03:00:00+02:00`. */
  readonly format: (ms: number) => string;
}

const UTC: Zone = {
  localTime(ms) {
    const date = new Date(ms);
    return {
      year: date.getUTCFullYear(),
      month: date.getUTCMonth() + 1,
      day: date.getUTCDate(),
      hour: date.getUTCHours(),
      minute: date.getUTCMinutes(),
      weekday: date.getUTCDay(),
    };
  },
  format: (ms) => `${new Date(ms).toISOString().slice(0, 19)}Z`,
};

/** `name` as in the tz database. Throws a RangeError when it is not known. */
export function newZone(name: string): Zone {
  if (name === "UTC" || name === "Etc/UTC") return UTC;
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone: name,
    hourCycle: "h23",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
  });
  /** The wall clock's reading as if it were UTC, in whole minutes. */
  const wallMs = (ms: number): number => {
    const parts = new Map(format.formatToParts(ms).map(({ type, value }) => [type, Number(value)]));
    const part = (type: Intl.DateTimeFormatPartTypes): number => parts.get(type) ?? 0;
    return Date.UTC(part("year"), part("month") - 1, part("day"), part("hour"), part("minute"));
  };
  return {
    localTime: (ms) => UTC.localTime(wallMs(ms)),
    format(ms) {
      const minutes = (wallMs(ms) - Math.floor(ms / 60_000) * 60_000) / 60_000;
      if (minutes === 0) return UTC.format(ms);
      const size = Math.abs(minutes);
      const offset = `${minutes < 0 ? "-" : "+"}${two(Math.floor(size / 60))}:${two(size % 60)}`;
      return `${UTC.format(ms + minutes * 60_000).slice(0, -1)}${offset}`;
    },
  };
}

function two(n: number): string {
  return String(n).padStart(2, "0");
}
