import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLogger } from "#apimachinery";
import { RuntimeError } from "#cri";
import { checkCgroupDriver } from "./check-cgroup-driver.ts";

type Answer = Parameters<typeof checkCgroupDriver>[0]["runtimeConfig"];

const answers: readonly (readonly [what: string, answer: Answer, told: readonly string[]])[] = [
  ["systemd", async () => ({ linux: { cgroupDriver: "SYSTEMD" } }), ["error"]],
  ["cgroupfs", async () => ({ linux: { cgroupDriver: "CGROUPFS" } }), []],
  ["nothing", async () => Promise.reject(new RuntimeError("Unimplemented", "unknown method")), []],
  ["an error", async () => Promise.reject(new Error("broken pipe")), ["warn"]],
];
for (const [what, runtimeConfig, expected] of answers)
  test(`checkCgroupDriver() of a runtime that answers ${what} logs ${expected.join("") || "nothing"}`, async () => {
    const told: string[] = [];
    const logger = {
      ...silentLogger,
      error: () => void told.push("error"),
      warn: () => void told.push("warn"),
    };
    await checkCgroupDriver({ runtimeConfig }, logger, new AbortController().signal);
    assert.deepEqual(told, expected);
  });
