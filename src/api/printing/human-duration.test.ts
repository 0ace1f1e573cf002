import assert from "node:assert/strict";
import { test } from "node:test";
import { humanDuration, since } from "./human-duration.ts";

const MINUTE = 60;
const HOUR = 3600;
const DAY = 86_400;

test("humanDuration gives two or three figures", () => {
  const cases: readonly (readonly [seconds: number, text: string])[] = [
    [-2, "<invalid>"],
    [-1, "0s"],
    [0, "0s"],
    [119, "119s"],
    [2 * MINUTE, "2m"],
    [9 * MINUTE + 59, "9m59s"],
    [10 * MINUTE + 5, "10m"],
    [3 * HOUR - 1, "179m"],
    [3 * HOUR, "3h"],
    [7 * HOUR + 5 * MINUTE, "7h5m"],
    [47 * HOUR + 59 * MINUTE, "47h"],
    [2 * DAY, "2d"],
    [7 * DAY + 5 * HOUR, "7d5h"],
    [8 * DAY + 5 * HOUR, "8d"],
    [729 * DAY, "729d"],
    [730 * DAY, "2y"],
    [731 * DAY, "2y1d"],
    [8 * 365 * DAY + DAY, "8y"],
  ];
  for (const [seconds, text] of cases) assert.equal(humanDuration(seconds * 1000), text, String(seconds));
});

test("since says unknown for a time that is not there", () => {
  assert.equal(since(undefined, 0), "<unknown>");
  assert.equal(since("2026-01-01T00:00:00Z", Date.parse("2026-01-01T00:05:10Z")), "5m10s");
});
