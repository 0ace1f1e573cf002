import assert from "node:assert/strict";
import { test } from "node:test";
import * as time from "./time.ts";
import * as duration from "./duration.ts";

test("canonicalTime writes UTC with whole seconds", () => {
  assert.equal(time.canonicalTime("2026-01-02T03:04:05.999+01:00"), "2026-01-02T02:04:05Z");
  assert.equal(time.canonicalMicroTime("2026-01-02T03:04:05.1234567Z"), "2026-01-02T03:04:05.123456Z");
  assert.equal(time.canonicalMicroTime("2026-01-02T03:04:05Z"), "2026-01-02T03:04:05.000000Z");
  assert.equal(time.formatMicroTime(1_767_225_600_123.456), "2026-01-01T00:00:00.123456Z");
  assert.equal(time.canonicalTime("0001-01-01T00:00:00Z"), "0001-01-01T00:00:00Z");
});

test("parseTime refuses with Go's messages", () => {
  assert.throws(() => time.parseTime("soon"), {
    message: `parsing time "soon" as "2006-01-02T15:04:05Z07:00": cannot parse "soon" as "2006"`,
  });
  assert.throws(() => time.parseTime("2026-02-30T00:00:00Z"), {
    message: `parsing time "2026-02-30T00:00:00Z": day out of range`,
  });
  assert.throws(() => time.parseTime("2026-01-01T00:00:00Zx"), {
    message: `parsing time "2026-01-01T00:00:00Zx": extra text: "x"`,
  });
});

test("parseDuration and formatDuration speak Go", () => {
  const table: Record<string, [number, string]> = {
    "0": [0, "0s"],
    "1h30m": [5_400_000, "1h30m0s"],
    "1.5s": [1500, "1.5s"],
    "100ms": [100, "100ms"],
    "-2m": [-120_000, "-2m0s"],
    "1us": [0.001, "1µs"],
    "1h0m0.25s": [3_600_250, "1h0m0.25s"],
  };
  for (const [text, [ms, formatted]] of Object.entries(table)) {
    assert.equal(duration.parseDuration(text), ms, text);
    assert.equal(duration.formatDuration(ms), formatted);
  }
  assert.throws(() => duration.parseDuration("5"), /time: missing unit in duration "5"/);
  assert.throws(() => duration.parseDuration("5x"), /time: unknown unit "x" in duration "5x"/);
  assert.throws(() => duration.parseDuration(""), /time: invalid duration ""/);
});

test("humanDuration prints ages as kubectl", () => {
  const table: [number, string][] = [
    [-5, "<invalid>"],
    [-1, "0s"],
    [0, "0s"],
    [119, "119s"],
    [120, "2m"],
    [125, "2m5s"],
    [600, "10m"],
    [10_799, "179m"],
    [10_800, "3h"],
    [11_100, "3h5m"],
    [28_800, "8h"],
    [172_799, "47h"],
    [172_800, "2d"],
    [176_400, "2d1h"],
    [691_200, "8d"],
    [63_072_000, "2y"],
    [63_158_400, "2y1d"],
    [252_288_000, "8y"],
  ];
  for (const [seconds, text] of table)
    assert.equal(duration.humanDuration(seconds * 1000), text, String(seconds));
});
