import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock, silentLogger } from "#apimachinery";
import type { Pod } from "#api/core/v1/types.gen";
import { testPod } from "../container/testing.ts";
import { type KillOptions, PodWorker, type SyncResult } from "./pod-worker.ts";

/** Steps wait for the test to answer; what happens is written down. */
class Script {
  readonly clock = new FakeClock();
  readonly lines: string[] = [];
  readonly stop = new AbortController();
  #answer: ((value: SyncResult) => void) | undefined;
  #fail: ((err: Error) => void) | undefined;
  readonly worker: PodWorker;
  readonly done: Promise<void>;

  constructor(pod: Pod = testPod()) {
    const step = (line: string, signal: AbortSignal): Promise<SyncResult> => {
      this.lines.push(line);
      return new Promise((resolve, reject) => {
        this.#answer = resolve;
        this.#fail = reject;
        signal.addEventListener("abort", () => {
          this.lines.push("aborted");
          reject(signal.reason);
        });
      });
    };
    this.worker = new PodWorker({
      pod,
      clock: this.clock,
      logger: silentLogger,
      syncer: {
        syncPod: (_, signal) => step("sync", signal),
        syncTerminatingPod: async (_, options, signal) =>
          void (await step(`terminating${print(options)}`, signal)),
        syncTerminatedPod: async (_, _options, signal) => void (await step("terminated", signal)),
      },
      onFinished: () => this.lines.push("finished"),
    });
    this.done = this.worker.run(this.stop.signal);
  }

  async answer(result: Partial<SyncResult> = {}): Promise<void> {
    this.#answer?.({ isTerminal: false, ...result });
    await settle();
  }

  async fail(): Promise<void> {
    this.#fail?.(new Error("broken"));
    await settle();
  }

  async advance(ms: number): Promise<void> {
    this.clock.advance(ms);
    await settle();
  }

  take(): string {
    return this.lines.splice(0).join(", ");
  }
}

function print({ gracePeriodSeconds, failure }: KillOptions): string {
  return ` grace=${gracePeriodSeconds ?? "-"}${failure === undefined ? "" : ` ${failure.reason}`}`;
}

async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}

const deleted = (grace: number): Pod =>
  testPod({}, { deletionTimestamp: "2026-01-01T00:00:00Z", deletionGracePeriodSeconds: grace });

test("PodWorker runs a pod to its end and finishes it", async () => {
  const script = new Script();
  await settle();
  assert.equal(script.take(), "sync");
  await script.answer({ isTerminal: true });
  assert.equal(script.take(), "terminating grace=-");
  await script.answer();
  assert.equal(script.take(), "terminated");
  await script.answer();
  assert.equal(script.take(), "finished");
  await script.done;
});

test("PodWorker interrupts a sync when the pod is deleted", async () => {
  const script = new Script();
  await settle();
  script.worker.update(deleted(30));
  await settle();
  assert.equal(script.take(), "sync, aborted, terminating grace=30");
});

test("PodWorker kills sooner when the grace period is shortened, never later", async () => {
  const script = new Script();
  await settle();
  script.worker.update(deleted(30));
  await settle();
  script.take();
  script.worker.update(deleted(60));
  await settle();
  assert.equal(script.take(), "");
  script.worker.update(deleted(0));
  await settle();
  assert.equal(script.take(), "aborted, terminating grace=0");
});

test("PodWorker keeps the first failure it was terminated for", async () => {
  const script = new Script();
  await settle();
  script.worker.terminate({ failure: { reason: "Evicted", message: "" } });
  script.worker.terminate({ failure: { reason: "Later", message: "" } });
  await settle();
  assert.equal(script.take(), "sync, aborted, terminating grace=- Evicted");
});

test("PodWorker backs off after failures and retries in time", async () => {
  const script = new Script();
  await settle();
  for (const delayMs of [1000, 2000, 4000, 8000, 10_000, 10_000]) {
    script.take();
    await script.fail();
    await script.advance(delayMs - 1);
    assert.equal(script.take(), "", `before ${delayMs} ms`);
    await script.advance(1);
    assert.equal(script.take(), "sync", `after ${delayMs} ms`);
  }
});

test("PodWorker syncs again at the time a sync asks for", async () => {
  const script = new Script();
  await settle();
  await script.answer({ retryAtMs: script.clock.now() + 500 });
  script.take();
  await script.advance(500);
  assert.equal(script.take(), "sync");
});

test("PodWorker does not sync for its own status, and does for a new spec", async () => {
  const script = new Script();
  await settle();
  await script.answer();
  script.take();
  script.worker.update({ ...testPod(), status: { phase: "Running" } });
  await settle();
  assert.equal(script.take(), "");
  script.worker.update(testPod({}, { generation: 2 }));
  await settle();
  assert.equal(script.take(), "sync");
});

test("PodWorker of a pod that the API shows as ended only cleans up", async () => {
  const script = new Script({ ...testPod(), status: { phase: "Succeeded" } });
  await settle();
  assert.equal(script.take(), "terminating grace=-");
});
