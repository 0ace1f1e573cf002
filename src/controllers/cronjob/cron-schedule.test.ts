import assert from "node:assert/strict";
import { test } from "node:test";
import { parseSchedule } from "./cron-schedule.ts";

/** Times of `from` and what follows it, in UTC. */
const cases: readonly {
  readonly schedule: string;
  readonly zone?: string;
  readonly from: string;
  readonly want: readonly string[];
}[] = [
  { schedule: "*/15 * * * *", from: "2026-01-01T00:07:30Z", want: ["00:15", "00:30"] },
  { schedule: "* * * * *", from: "2026-01-01T00:00:00Z", want: ["00:01", "00:02"] },
  { schedule: "5/20 ? * * *", from: "2026-01-01T00:00:00Z", want: ["00:05", "00:25", "00:45", "01:05"] },
  { schedule: "@hourly", from: "2026-01-01T00:00:00Z", want: ["01:00"] },
  { schedule: "@every 1h30m", from: "2026-01-01T00:10:05Z", want: ["01:40:05"] },
  { schedule: "0 0 1 * *", from: "2026-01-01T00:00:00Z", want: ["2026-02-01", "2026-03-01"] },
  { schedule: "@weekly", from: "2026-01-01T00:00:00Z", want: ["2026-01-04"] },
  { schedule: "0 0 29 2 *", from: "2026-01-01T00:00:00Z", want: ["2028-02-29"] },
  { schedule: "0 0 31 2 *", from: "2026-01-01T00:00:00Z", want: ["never"] },
  { schedule: "0 0 13 * FRI", from: "2026-01-03T00:00:00Z", want: ["2026-01-09", "2026-01-13"] },
  { schedule: "0 0 * jan,mar MON-TUE", from: "2026-01-27T00:00:00Z", want: ["2026-03-02"] },
  { schedule: "0 12 * * *", zone: "Asia/Kolkata", from: "2026-01-01T00:00:00Z", want: ["06:30"] },
  { schedule: "TZ=Asia/Tokyo 0 9 * * *", from: "2026-01-01T00:00:00Z", want: ["2026-01-02"] },
  // Clocks go forward from 02:00 to 03:00 on 29 March.
  { schedule: "30 2 * * *", zone: "Europe/Berlin", from: "2026-03-28T02:00:00Z", want: ["2026-03-30T00:30"] },
  // Clocks go back from 03:00 to 02:00 on 25 October.
  {
    schedule: "30 2 * * *",
    zone: "Europe/Berlin",
    from: "2026-10-24T12:00:00Z",
    want: ["2026-10-25T00:30", "01:30", "2026-10-26T01:30"],
  },
  // Midnight does not exist on 6 September in Santiago.
  {
    schedule: "0 0 * * *",
    zone: "America/Santiago",
    from: "2026-09-05T05:00:00Z",
    want: ["2026-09-07T03:00"],
  },
];

for (const { schedule, zone, from, want } of cases) {
  test(`parseSchedule() finds what follows ${from} of ${schedule}${zone === undefined ? "" : ` in ${zone}`}`, () => {
    const { next } = parseSchedule(schedule, zone);
    let ms: number | undefined = Date.parse(from);
    let last = new Date(ms).toISOString();
    for (const time of want) {
      ms = next(ms!);
      if (time === "never") return assert.equal(ms, undefined);
      last = complete(time, last);
      assert.equal(new Date(ms!).toISOString(), last);
    }
  });
}

/** A date alone is its midnight, a time alone is of the day before it. */
function complete(text: string, last: string): string {
  if (/^\d{4}-\d\d-\d\d$/.test(text)) return `${text}T00:00:00.000Z`;
  if (text.includes("T")) return `${text}:00.000Z`;
  return `${last.slice(0, 11)}${text.length === 5 ? `${text}:00` : text}.000Z`;
}

test("parseSchedule() refuses what is no schedule and zones that do not exist", () => {
  for (const text of ["* * * *", "61 * * * *", "x * * * *"])
    assert.throws(() => parseSchedule(text, undefined), RangeError, text);
  assert.throws(() => parseSchedule("* * * * *", "Mars/Olympus"), RangeError);
});

test("newZone() formats times with the zone's offset", () => {
  const ms = Date.parse("2026-07-01T12:00:00Z");
  const format = (zone: string): string => parseSchedule("* * * * *", zone).zone.format(ms);
  assert.equal(format("UTC"), "2026-07-01T12:00:00Z");
  assert.equal(format("America/New_York"), "2026-07-01T08:00:00-04:00");
  assert.equal(format("Asia/Kolkata"), "2026-07-01T17:30:00+05:30");
});
