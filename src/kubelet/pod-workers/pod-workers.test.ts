import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock, type LogFields, silentLogger } from "#apimachinery";
import { RuntimeError } from "#cri";
import { testRuntimePod } from "../container/testing.ts";
import { PodWorkers } from "./pod-workers.ts";

const STARTING = "container is in starting state, can't be removed";

/** Workers whose clean-up fails so many times; what is logged is written down. */
function fixture(failures: number) {
  const clock = new FakeClock();
  const lines: string[] = [];
  const write = (level: string) => (message: string, fields?: LogFields) =>
    void lines.push(`${level}: ${message} ${Object.keys(fields ?? {}).join(",")}`);
  let calls = 0;
  const clean = async (): Promise<void> => {
    calls += 1;
    if (calls <= failures) throw new RuntimeError("Unknown", STARTING);
  };
  const stop = new AbortController();
  const workers = new PodWorkers(
    {
      syncer: {
        syncPod: async () => ({ isTerminal: false }),
        syncTerminatingPod: async () => {},
        syncTerminatedPod: async () => {},
        tryPublish: () => {},
        forget: () => {},
        removeLeftovers: clean,
        removeOrphan: clean,
      },
      clock,
      logger: { ...silentLogger, info: write("info"), warn: write("warn") },
      onGone: () => {},
    },
    stop.signal,
  );
  return { clock, lines, workers, calls: () => calls };
}

test("PodWorkers.removeTraces() tries again with one short line while a container is starting", async () => {
  const { clock, lines, workers, calls } = fixture(2);
  workers.removeTraces("u1");
  await clock.advanceAsync(10_000);
  assert.equal(calls(), 3);
  assert.deepEqual(lines, [
    "info: Cleaning up after a pod is tried again uid,tries,reason",
    "info: Cleaning up after a pod is tried again uid,tries,reason",
  ]);
});

test("PodWorkers.removeOrphan() warns once with the error when it gives up", async () => {
  const { clock, lines, workers, calls } = fixture(Infinity);
  workers.removeOrphan(testRuntimePod(["c=running"]));
  await clock.advanceAsync(60_000);
  assert.equal(calls(), 5);
  assert.equal(lines.length, 5);
  assert.equal(lines.at(-1), "warn: Cleaning up after a pod failed uid,tries,err");
});
