import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock, silentLogger } from "#apimachinery";
import type { Probe } from "#api/core/v1/types.gen";
import { NODE_START_MS, testPod, testRuntimePod } from "../container/testing.ts";
import { decodeResponse, encodeRequest } from "./grpc-health.ts";
import { dialError, ProbeTimeout } from "./probe-errors.ts";
import { ProbeWorker, type ProbeType } from "./probe-worker.ts";

/** A container that runs since the clock's start; `exits` are the codes or failures of its exec probe, one after another. */
function fixture(type: ProbeType, probe: Probe, exits: readonly (number | Error)[], started = true) {
  const clock = new FakeClock(NODE_START_MS);
  const pod = testPod();
  const lines: string[] = [];
  const stop = new AbortController();
  let next = 0;
  let runtimePod = testRuntimePod(["c=running"]);
  const worker = new ProbeWorker({
    type,
    probe: { exec: { command: ["check"] }, ...probe },
    container: pod.spec!.containers[0]!,
    clock,
    logger: silentLogger,
    recorder: { event: (_, _type, reason, message) => void lines.push(`${reason} ${message}`) },
    runtime: {
      execSync: async () => {
        lines.push("exec");
        const exitCode = exits[next++] ?? 0;
        if (exitCode instanceof Error) throw exitCode;
        return { exitCode, stdout: Buffer.from("out"), stderr: Buffer.alloc(0) };
      },
    },
    userAgent: "test",
    hasNetwork: true,
    initialDelayMs: 0,
    pod: () => pod,
    runtimePod: () => runtimePod,
    podIP: () => "10.0.0.2",
    isStarted: () => started,
    onResult: (id, ok) => void lines.push(`${id} ${ok ? "ok" : "failed"}`),
  });
  void worker.run(stop.signal);
  const step = async (ms: number): Promise<string> => {
    await settle();
    clock.advance(ms);
    await settle();
    return lines.splice(0).join(", ");
  };
  const replace = (containers: readonly string[]): void => {
    runtimePod = testRuntimePod(containers);
    worker.kick();
  };
  return { step, replace, clock };
}

/** Lets everything run that waits for nothing but promises. */
async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}

const FAILED = "Unhealthy Liveness probe failed: out";

test("ProbeWorker waits for initialDelaySeconds, then probes every period", async () => {
  const { step } = fixture("Readiness", { initialDelaySeconds: 5, periodSeconds: 2 }, []);
  assert.equal(await step(4999), "");
  assert.equal(await step(1), "exec, c0 ok");
  assert.equal(await step(1999), "");
  assert.equal(await step(1), "exec, c0 ok");
});

test("ProbeWorker fails only after failureThreshold, and then waits for a new container", async () => {
  const { step, replace } = fixture("Liveness", { periodSeconds: 1, failureThreshold: 2 }, [1, 1]);
  assert.equal(await step(0), `exec, ${FAILED}`);
  assert.equal(await step(1000), `exec, ${FAILED}, c0 failed`);
  assert.equal(await step(60_000), "");
  replace(["c=running@1", "c=exited:137"]);
  assert.equal(await step(0), "exec, c1 ok");
});

test("ProbeWorker makes a probe again that could not be made, three times in all", async () => {
  const away = new Error("runtime away");
  const exits = [away, away, 0, away, away, away, 0];
  const { step } = fixture("Liveness", { periodSeconds: 1, failureThreshold: 1 }, exits);
  assert.equal(await step(0), "exec, exec, exec, c0 ok");
  const errored = "Unhealthy Liveness probe errored and resulted in unknown state: runtime away";
  assert.equal(await step(1000), `exec, exec, exec, ${errored}`, "one event, and no result");
  assert.equal(await step(1000), "exec, c0 ok");
});

test("ProbeWorker does not make a probe again that has failed or was too late", async () => {
  const late = new ProbeTimeout("probe timed out");
  const { step } = fixture("Liveness", { periodSeconds: 1, failureThreshold: 2 }, [1, late]);
  assert.equal(await step(0), `exec, ${FAILED}`);
  assert.equal(
    await step(1000),
    'exec, Unhealthy Liveness probe failed: command "check" timed out, c0 failed',
  );
});

test("ProbeWorker counts successes anew after a failure", async () => {
  const { step } = fixture(
    "Readiness",
    { periodSeconds: 1, successThreshold: 2, failureThreshold: 1 },
    [0, 1, 0, 0],
  );
  assert.equal(await step(0), "exec");
  assert.match(await step(1000), /^exec, Unhealthy Readiness probe failed: out, c0 failed$/u);
  assert.equal(await step(1000), "exec");
  assert.equal(await step(1000), "exec, c0 ok");
});

test("ProbeWorker leaves readiness alone until the container has started", async () => {
  const { step } = fixture("Readiness", {}, [], false);
  assert.equal(await step(60_000), "");
});

test("ProbeWorker stops a startup probe after its first success", async () => {
  const { step } = fixture("Startup", { periodSeconds: 1 }, [0], false);
  assert.equal(await step(0), "exec, c0 ok");
  assert.equal(await step(60_000), "");
});

test("grpc health messages are coded as protobuf", () => {
  assert.deepEqual([...encodeRequest("ab")], [10, 2, 97, 98]);
  assert.equal(encodeRequest("").length, 0);
  assert.equal(encodeRequest("x".repeat(200)).subarray(0, 3).toString("hex"), "0ac801");
  assert.equal(decodeResponse(Buffer.from([8, 2])), 2);
  assert.equal(decodeResponse(Buffer.alloc(0)), 0);
});

test("dialError() speaks as Go does", () => {
  const refused = Object.assign(new Error("x"), { code: "ECONNREFUSED" });
  assert.equal(dialError(refused, "10.0.0.2", 80), "dial tcp 10.0.0.2:80: connect: connection refused");
});
