import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
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

const ON_LINUX = { skip: process.platform === "linux" ? false : "needs Linux" };
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
  test(`readTerminationMessage() ${name}`, ON_LINUX, async () => {
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

interface Found {
  readonly what: string;
  readonly make: (path: string, folder: string) => unknown;
}

const NOT_REGULAR = "not a regular file";
const FOUND: readonly Found[] = [
  { what: "a FIFO", make: (path) => execFileSync("env", ["mkfifo", path]) },
  { what: "a folder", make: (path) => mkdir(path) },
  { what: "a link", make: (path, folder) => symlink(join(folder, "secret"), path) },
  { what: "a link to a device", make: (path) => symlink("/dev/zero", path) },
];

const messageAt = (hostPath: string, logPath: string): Promise<string> =>
  readTerminationMessage({
    annotations: { [TERMINATION_MESSAGE_PATH]: "/m", [TERMINATION_MESSAGE_POLICY]: "FallbackToLogsOnError" },
    mounts: [{ containerPath: "/m", hostPath }],
    exitCode: 1,
    logPath,
  } as unknown as ContainerStatus);

for (const { what, make } of FOUND)
  test(`readTerminationMessage() says that it cannot read ${what}`, ON_LINUX, async () => {
    const folder = await mkdtemp(join(tmpdir(), "k8ts-termination-"));
    try {
      await writeFile(join(folder, "secret"), "of the node");
      const path = join(folder, "found");
      await make(path, folder);
      assert.equal(await messageAt(path, ""), `Error on reading termination log ${path}: ${NOT_REGULAR}`);
      if (what !== "a link")
        assert.equal(
          await messageAt("/nowhere", path),
          `Error on reading termination message from logs: ${NOT_REGULAR}`,
        );
    } finally {
      await rm(folder, { recursive: true });
    }
  });

test("readTerminationMessage() is empty when the files are gone", async () => {
  assert.equal(await messageAt("/nowhere/m", "/nowhere/0.log"), "");
});
