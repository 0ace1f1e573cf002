/** Durations as people read them in `kubectl get`: two or three significant figures. @module */

const SECOND_MS = 1000;
const MINUTE_S = 60;
const HOUR_S = 3600;
const DAY_H = 24;
const YEAR_H = 24 * 365;

/** `90s`, `5m10s`, `3h`, `2d5h`, `1y30d`. Up to two seconds into the future count as now, for clocks that differ. */
export function humanDuration(durationMs: number): string {
  const seconds = Math.trunc(durationMs / SECOND_MS);
  if (seconds < -1) return "<invalid>";
  if (seconds < 0) return "0s";
  if (seconds < 2 * MINUTE_S) return `${seconds}s`;
  const minutes = Math.trunc(seconds / MINUTE_S);
  if (minutes < 10) return withRest(minutes, "m", seconds % 60, "s");
  if (minutes < 180) return `${minutes}m`;
  const hours = Math.trunc(seconds / HOUR_S);
  if (hours < 8) return withRest(hours, "h", minutes % 60, "m");
  if (hours < 48) return `${hours}h`;
  const days = Math.trunc(hours / DAY_H);
  if (hours < DAY_H * 8) return withRest(days, "d", hours % DAY_H, "h");
  if (hours < YEAR_H * 2) return `${days}d`;
  const years = Math.trunc(hours / YEAR_H);
  if (hours < YEAR_H * 8) return withRest(years, "y", days % 365, "d");
  return `${years}y`;
}

/** `5m` or `5m10s`. */
function withRest(amount: number, unit: string, rest: number, restUnit: string): string {
  return rest === 0 ? `${amount}${unit}` : `${amount}${unit}${rest}${restUnit}`;
}

/** The age of an RFC 3339 time; `<unknown>` when there is none. */
export function since(time: string | undefined, nowMs: number): string {
  if (time === undefined || time === "") return "<unknown>";
  return humanDuration(nowMs - Date.parse(time));
}
