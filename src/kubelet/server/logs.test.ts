import assert from "node:assert/strict";
import { appendFile, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { systemClock } from "#apimachinery";
import { parseLogOptions } from "./container-logs.ts";
import { parseLogLine } from "./log-format.ts";
import { type LogOptions, readLogs } from "./logs.ts";

const TEXT = [
  "2026-01-01T00:00:00.000000001Z stdout F one",
  "2026-01-01T00:00:01.000000001Z stderr F two",
  "2026-01-01T00:00:02.000000001Z stdout P thr",
  "2026-01-01T00:00:02.000000002Z stdout F ee",
  "2026-01-01T00:00:03.000000001Z stdout F ",
  "",
].join("\n");
const signal = new AbortController().signal;
let folder = "";

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "k8ts-kubelet-logs-"));
  await writeFile(join(folder, "0.log"), TEXT);
});
after(() => rm(folder, { recursive: true }));

async function read(options: Partial<LogOptions>, path = join(folder, "0.log")): Promise<string> {
  const source = { path, clock: systemClock, isRunning: () => false };
  const chunks: Buffer[] = [];
  for await (const chunk of readLogs(source, { follow: false, timestamps: false, ...options }, signal))
    chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

const cases: readonly (readonly [string, Partial<LogOptions>, string])[] = [
  ["gives everything", {}, "one\ntwo\nthree\n\n"],
  ["gives the last lines", { tailLines: 1 }, "\n"],
  ["gives all when more lines are asked than there are", { tailLines: 99 }, "one\ntwo\nthree\n\n"],
  ["gives nothing for tailLines 0", { tailLines: 0 }, ""],
  ["cuts at limitBytes", { limitBytes: 5 }, "one\nt"],
  ["gives one stream", { stream: "Stderr" }, "two\n"],
  ["leaves out what is older", { sinceMs: Date.parse("2026-01-01T00:00:02.5Z") }, "\n"],
  [
    "puts a timestamp before whole lines",
    { timestamps: true, sinceMs: Date.parse("2026-01-01T00:00:02Z"), stream: "Stdout", limitBytes: 37 },
    "2026-01-01T00:00:02.000000001Z three\n",
  ],
  ["ends when the container has, though it follows", { follow: true }, "one\ntwo\nthree\n\n"],
];

for (const [name, options, want] of cases) {
  test(`readLogs() ${name}`, async () => assert.equal(await read(options), want));
}

test("readLogs() gives out a line that is longer than it keeps whole, and the lines around it", async () => {
  // Of two bytes each: where the pieces end must not matter to them.
  const long = "ä".repeat(1_500_000);
  const lines = [
    "2026-01-01T00:00:00Z stdout F before",
    `2026-01-01T00:00:01Z stdout F ${long}`,
    `2026-01-01T00:00:02Z stderr F ${long}`,
    "2026-01-01T00:00:03Z stdout F after",
  ];
  const path = join(folder, "long.log");
  await writeFile(path, `${lines.join("\n")}\n`);
  const ofStdout = { timestamps: true, stream: "Stdout" } as const;
  const last = "2026-01-01T00:00:03Z after\n";
  const whole = `2026-01-01T00:00:00Z before\n2026-01-01T00:00:01Z ${long}\n${last}`;
  assert.ok((await read(ofStdout, path)) === whole, "the text is there once, under one timestamp");
  const { length } = await read({ ...ofStdout, limitBytes: 1_999_999 }, path);
  assert.equal(Buffer.byteLength(whole.slice(0, length)), 1_999_999);
  const sinceMs = Date.parse("2026-01-01T00:00:03Z");
  assert.equal(await read({ timestamps: true, sinceMs }, path), last, "it is left out whole");
  await writeFile(path, `no format ${long}\n${lines[0]}\n`);
  assert.equal(await read({}, path), "before\n");
});

test("readLogs() gives out what a crash has left of a line, unless it follows", async () => {
  const path = join(folder, "cut.log");
  await writeFile(path, "2026-01-01T00:00:00Z stdout F whole\n2026-01-01T00:00:01Z stdout F ha");
  assert.equal(await read({}, path), "whole\nha");
  assert.equal(await read({ follow: true }, path), "whole\n");
});

test("readLogs() follows appended lines and a rotated file until the container ends", async () => {
  const path = join(folder, "follow.log");
  await writeFile(path, "2026-01-01T00:00:00Z stdout F a\n");
  let running = true;
  const source = { path, clock: systemClock, isRunning: () => running };
  const lines = readLogs(source, { follow: true, timestamps: false }, signal);
  const next = async (): Promise<string> => String((await lines.next()).value);
  assert.equal(await next(), "a\n");
  await appendFile(path, "2026-01-01T00:00:01Z stdout F b\n");
  assert.equal(await next(), "b\n");
  await rename(path, `${path}.1`);
  await writeFile(path, "2026-01-01T00:00:02Z stdout F c\n");
  assert.equal(await next(), "c\n");
  running = false;
  await appendFile(path, "2026-01-01T00:00:03Z stdout F d\n");
  assert.equal(await next(), "d\n");
  assert.equal((await lines.next()).done, true);
});

test("readLogs() reads what is written to a rotated file until the new one has a line", async () => {
  const path = join(folder, "late.log");
  await writeFile(path, "2026-01-01T00:00:00Z stdout F a\n");
  const source = { path, clock: systemClock, isRunning: () => true };
  const lines = readLogs(source, { follow: true, timestamps: false }, signal);
  const next = async (): Promise<string> => String((await lines.next()).value);
  assert.equal(await next(), "a\n");
  await rename(path, `${path}.1`);
  await writeFile(path, "");
  const second = next();
  await appendFile(`${path}.1`, "2026-01-01T00:00:01Z stdout F b\n");
  assert.equal(await second, "b\n");
  await writeFile(path, "2026-01-01T00:00:02Z stdout F c\n");
  assert.equal(await next(), "c\n");
  await lines.return(undefined);
});

test("parseLogLine() refuses lines in other formats", () => {
  assert.deepEqual(parseLogLine("t stdout F a b"), {
    time: "t",
    stream: "stdout",
    partial: false,
    text: "a b",
  });
  assert.equal(parseLogLine("t stdout P:x a")?.partial, true);
  assert.equal(parseLogLine("no format"), undefined);
  assert.equal(parseLogLine("t stdin F a"), undefined);
});

test("parseLogOptions() reads PodLogOptions and refuses nonsense", () => {
  const query = new URLSearchParams("follow=true&tailLines=3&sinceSeconds=10&limitBytes=7&timestamps=true");
  assert.deepEqual(parseLogOptions(query, 20_000), {
    follow: true,
    timestamps: true,
    tailLines: 3,
    limitBytes: 7,
    sinceMs: 10_000,
  });
  assert.throws(() => parseLogOptions(new URLSearchParams("tailLines=-1"), 0), /tailLines/u);
  assert.throws(() => parseLogOptions(new URLSearchParams("sinceTime=soon"), 0), /sinceTime/u);
});
