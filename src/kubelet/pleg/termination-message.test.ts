import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { ContainerStatus } from "#cri";
import { TERMINATION_MESSAGE_PATH, TERMINATION_MESSAGE_POLICY } from "../container/labels.ts";
import { readTerminationMessage } from "./termination-message.ts";

interface Case {
  readonly name: string;
  /** What the container wrote to its file. */
  readonly file?: string;
  /** Lines of its log. */
  readonly log?: readonly string[];
  /** Of its lines; default F. */
  readonly tag?: "F" | "P";
  readonly policy?: "File" | "FallbackToLogsOnError";
  readonly exitCode?: number;
  readonly want: string;
}

const LONG = "x".repeat(5_000);
const NUMBERS = Array.from({ length: 100 }, (_, i) => `line ${i}`);
const PADDED = NUMBERS.map((text) => text.padEnd(30));
const line = (text: string): string => `${text}\n`;

const CASES: readonly Case[] = [
  { name: "reads the container's file", file: "OK", log: ["log"], want: "OK" },
  { name: "keeps the first 4096 bytes of the file", file: LONG, want: LONG.slice(0, 4096) },
  { name: "leaves the log alone under File", exitCode: 1, log: ["log"], want: "" },
  {
    name: "prefers the file to the log",
    file: "OK",
    log: ["log"],
    policy: "FallbackToLogsOnError",
    exitCode: 1,
    want: "OK",
  },
  {
    name: "takes the end of the log after an error",
    log: ["one", "two"],
    policy: "FallbackToLogsOnError",
    exitCode: 1,
    want: "one\ntwo\n",
  },
  {
    name: "joins the pieces of a line",
    log: ["one, ", "and more"],
    tag: "P",
    policy: "FallbackToLogsOnError",
    exitCode: 1,
    want: "one, and more",
  },
  { name: "is empty after a success", log: ["one"], policy: "FallbackToLogsOnError", exitCode: 0, want: "" },
  {
    name: "takes 80 lines of the log at most",
    log: NUMBERS,
    policy: "FallbackToLogsOnError",
    exitCode: 1,
    want: NUMBERS.slice(-80).map(line).join(""),
  },
  {
    name: "takes 2048 bytes of the log at most, whatever stands before its lines",
    log: PADDED,
    policy: "FallbackToLogsOnError",
    exitCode: 1,
    want: PADDED.map(line).join("").slice(-2048),
  },
  {
    name: "takes the end of a very long line",
    log: [LONG + LONG],
    policy: "FallbackToLogsOnError",
    exitCode: 1,
    want: `${"x".repeat(2047)}\n`,
  },
  {
    name: "takes 2048 bytes of the log at most",
    log: ["y".repeat(1_500), "z".repeat(1_500)],
    policy: "FallbackToLogsOnError",
    exitCode: 1,
    want: `${"y".repeat(546)}\n${"z".repeat(1_500)}\n`,
  },
];

for (const { name, file = "", log = [], tag = "F", policy = "File", exitCode = 0, want } of CASES)
  test(`readTerminationMessage() ${name}`, async () => {
    const folder = await mkdtemp(join(tmpdir(), "k8ts-termination-"));
    try {
      const hostPath = join(folder, "message");
      const logPath = join(folder, "0.log");
      await writeFile(hostPath, file);
      await writeFile(
        logPath,
        log.map((text) => line(`2026-01-02T03:04:05.123456789Z stdout ${tag} ${text}`)).join(""),
      );
      const containerPath = "/dev/own-log";
      const annotations = {
        [TERMINATION_MESSAGE_PATH]: containerPath,
        [TERMINATION_MESSAGE_POLICY]: policy,
      };
      const mounts = [{ containerPath, hostPath }];
      const status = { annotations, mounts, exitCode, logPath } as unknown as ContainerStatus;
      assert.equal(await readTerminationMessage(status), want);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

test("readTerminationMessage() is empty when the files are gone", async () => {
  const status = {
    annotations: { [TERMINATION_MESSAGE_PATH]: "/m", [TERMINATION_MESSAGE_POLICY]: "FallbackToLogsOnError" },
    mounts: [{ containerPath: "/m", hostPath: "/nowhere/m" }],
    exitCode: 1,
    logPath: "/nowhere/0.log",
  } as unknown as ContainerStatus;
  assert.equal(await readTerminationMessage(status), "");
});
