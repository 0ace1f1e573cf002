import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock, silentLogger } from "#apimachinery";
import { memoryState } from "../checkpoint/state-file.ts";
import { testPod } from "../container/testing.ts";
import { type ShutdownInhibitor, shutdownSignal } from "./logind.ts";
import { groupByPriority, graceSecondsOf, shutdownPeriods } from "./plan.ts";
import { ShutdownManager } from "./shutdown-manager.ts";

const pod = (name: string, priority?: number, terminationGracePeriodSeconds = 30) =>
  testPod(
    { terminationGracePeriodSeconds, ...(priority !== undefined && { priority }) },
    { name, uid: name },
  );

test("shutdownPeriods() splits the time between ordinary and critical pods", () => {
  assert.deepEqual(shutdownPeriods({ gracePeriodSeconds: 30, gracePeriodCriticalPodsSeconds: 10 }), [
    { priority: 0, shutdownGracePeriodSeconds: 20 },
    { priority: 2_000_000_000, shutdownGracePeriodSeconds: 10 },
  ]);
  assert.deepEqual(shutdownPeriods({}), []);
});

test("groupByPriority() puts a pod under the highest period that it reaches", () => {
  const byPodPriority = [10, 0, 1000].map((priority) => ({ priority, shutdownGracePeriodSeconds: 5 }));
  const pods = [pod("low", -1), pod("none"), pod("mid", 999), pod("edge", 10), pod("high", 5000)];
  const groups = groupByPriority(shutdownPeriods({ byPodPriority }), pods);
  assert.deepEqual(
    groups.map((g) => [g.priority, g.pods.map((p) => p.metadata.name)]),
    [
      [0, ["low", "none"]],
      [10, ["mid", "edge"]],
      [1000, ["high"]],
    ],
  );
});

test("graceSecondsOf() gives a pod no more than it asked for", () => {
  const period = { priority: 0, shutdownGracePeriodSeconds: 20 };
  assert.equal(graceSecondsOf(pod("a"), period), 20);
  assert.equal(graceSecondsOf(pod("a", 0, 5), period), 5);
});

const line = (member: string): string =>
  `{"type":"signal","member":"${member}","payload":{"type":"b","data":[true]}}`;

test("shutdownSignal() reads what busctl tells, and nothing else", () => {
  assert.equal(shutdownSignal(line("PrepareForShutdown")), true);
  assert.equal(shutdownSignal(line("PrepareForSleep")), undefined);
  assert.equal(shutdownSignal("Monitoring bus message stream."), undefined);
});

function fixture(events: readonly boolean[], delayMaxMs = 5000) {
  const clock = new FakeClock();
  const log: string[] = [];
  const gone = new Set<string>();
  const stop = new AbortController();
  let delay = delayMaxMs;
  const inhibitor: ShutdownInhibitor = {
    delayMaxMs: async () => delay,
    overrideDelayMax: async (ms) => {
      log.push(`delay ${ms}`);
      delay = ms;
    },
    inhibit: async () => {
      log.push("lock");
      return { release: () => log.push("release") };
    },
    async *events() {
      yield* events;
      stop.abort();
    },
  };
  const manager = new ShutdownManager({
    periods: shutdownPeriods({ gracePeriodSeconds: 30, gracePeriodCriticalPodsSeconds: 10 }),
    inhibitor,
    clock,
    logger: silentLogger,
    recorder: { event: () => {} },
    state: memoryState(),
    node: () => undefined,
    activePods: () => [pod("critical", 2_000_000_000), pod("web")],
    terminate: (uid, { gracePeriodSeconds, failure }) => {
      log.push(`${uid} ${gracePeriodSeconds}s ${failure?.reason}: ${failure?.message}`);
      gone.add(uid);
    },
    isGone: (uid) => gone.has(uid),
    onChange: () => log.push(`ready ${manager.error ?? "again"}`),
  });
  return { manager, log, stop, clock };
}

test("ShutdownManager ends ordinary pods before critical ones, and then lets the machine go", async () => {
  const { manager, log, stop } = fixture([true]);
  await manager.start(stop.signal);
  await manager.run(stop.signal);
  const why = "Terminated: Pod was terminated in response to imminent node shutdown.";
  assert.deepEqual(log, [
    "delay 30000",
    "lock",
    "ready node is shutting down",
    `web 20s ${why}`,
    `critical 10s ${why}`,
    "release",
  ]);
  assert.deepEqual(manager.admit(), {
    reason: "NodeShutdown",
    message: "Pod was rejected: Pod was rejected as the node is shutting down.",
  });
});

test("ShutdownManager takes pods again when the shutdown was called off", async () => {
  const { manager, log, stop } = fixture([true, false], 60_000);
  await manager.start(stop.signal);
  await manager.run(stop.signal);
  assert.equal(manager.admit(), undefined);
  assert.deepEqual(log.slice(-4), ["release", "ready again", "lock", "release"]);
});

test("ShutdownManager refuses its setting where nobody holds a shutdown back", async () => {
  const { stop, clock } = fixture([]);
  const manager = new ShutdownManager({
    periods: shutdownPeriods({ gracePeriodSeconds: 30 }),
    inhibitor: { delayMaxMs: () => Promise.reject(new Error("no bus")) } as never,
    clock,
    logger: silentLogger,
  } as never);
  await assert.rejects(manager.start(stop.signal), /Cannot follow shutdowns of this machine.*no bus/u);
});
