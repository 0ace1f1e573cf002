import assert from "node:assert/strict";
import { test } from "node:test";
import { scheduleProblem } from "./cron-schedule.ts";

test("scheduleProblem accepts what cron accepts", () => {
  const good = [
    "* * * * *",
    "0 0 1 1 0",
    "*/15 0-6 1,15 JAN-mar MON-FRI",
    "5/10 ? * * *",
    "@daily",
    "@every 1h30m",
  ];
  for (const schedule of good) assert.equal(scheduleProblem(schedule), undefined, schedule);
});

test("scheduleProblem says what is wrong", () => {
  const cases: readonly (readonly [string, string])[] = [
    ["60 * * * *", "end of range (60) above maximum (59): 60"],
    ["* * 0 * *", "beginning of range (0) below minimum (1): 0"],
    ["5-1 * * * *", "beginning of range (5) beyond end of range (1): 5-1"],
    ["*/0 * * * *", "step of range should be a positive number: */0"],
    ["x * * * *", 'failed to parse int from x: strconv.Atoi: parsing "x": invalid syntax'],
    ["1/2/3 * * * *", "too many slashes: 1/2/3"],
    ["@fortnightly", "unrecognized descriptor: @fortnightly"],
  ];
  for (const [schedule, problem] of cases) assert.equal(scheduleProblem(schedule), problem, schedule);
});
