import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock, silentLogger } from "#apimachinery";
import type { Container, Pod } from "#api/core/v1/types.gen";
import { RuntimeError, type RuntimeService } from "#cri";
import { NODE_START_MS, testContainer as c, testPod, testRuntimePod } from "../container/testing.ts";
import { killContainer, type KillContainerInput, type Killer, killPod } from "./kill-pod.ts";

const NEVER = new AbortController().signal;

/** A killer that writes down what it is made to do; containers end at once. */
function fixture(calls: Partial<RuntimeService> = {}) {
  const clock = new FakeClock(NODE_START_MS);
  const lines: string[] = [];
  const events: string[] = [];
  const runtime = {
    execSync: async (id: string, command: readonly string[]) => {
      lines.push(`exec ${id} ${command.join(" ")}`);
      return { exitCode: 0, stdout: Buffer.alloc(0), stderr: Buffer.alloc(0) };
    },
    stopContainer: async (id: string, seconds: number) => void lines.push(`stop ${id} ${seconds}s`),
    stopPodSandbox: async (id: string) => void lines.push(`stop-sandbox ${id}`),
    ...calls,
  };
  const killer = {
    runtime,
    clock,
    logger: silentLogger,
    recorder: {
      event: (_: Pod, ...[type, reason, text]: string[]) => events.push(`${type} ${reason} ${text}`),
    },
    userAgent: "test",
    hasNetwork: true,
  } as unknown as Killer;
  return { clock, lines, events, killer };
}

function inputOf(container: Container, rest: Partial<KillContainerInput> = {}): KillContainerInput {
  const pod = testPod({ terminationGracePeriodSeconds: 60, containers: [container] });
  return { pod, container, id: "c0", name: "c", podIP: "", message: "", reason: "", ...rest };
}

async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}

const PROBED = c("c", {
  livenessProbe: { terminationGracePeriodSeconds: 7 },
  startupProbe: { terminationGracePeriodSeconds: 9 },
});
const DELETED = testPod({ containers: [PROBED] }, { deletionGracePeriodSeconds: 5 });

const GRACES: readonly (readonly [name: string, input: KillContainerInput, seconds: number])[] = [
  ["the pod's grace period", inputOf(PROBED), 60],
  ["the liveness probe's own", inputOf(PROBED, { reason: "LivenessProbe" }), 7],
  ["the startup probe's own", inputOf(PROBED, { reason: "StartupProbe" }), 9],
  ["the pod's when the probe has none", inputOf(c("c"), { reason: "LivenessProbe" }), 60],
  ["the deletion's before the probe's", { ...inputOf(PROBED, { reason: "LivenessProbe" }), pod: DELETED }, 5],
  ["what the caller says before all", { ...inputOf(PROBED), pod: DELETED, gracePeriodSeconds: 3 }, 3],
  ["two seconds at least", inputOf(PROBED, { gracePeriodSeconds: 0 }), 2],
];

for (const [name, input, seconds] of GRACES)
  test(`killContainer() gives ${name}`, async () => {
    const { killer, lines } = fixture();
    await killContainer(killer, input, NEVER);
    assert.deepEqual(lines, [`stop c0 ${seconds}s`]);
  });

test("killContainer() takes a preStop sleep off the grace period", async () => {
  const { killer, lines, clock } = fixture();
  const container = c("c", { lifecycle: { preStop: { sleep: { seconds: 20 } } } });
  const killed = killContainer(killer, inputOf(container), NEVER);
  await settle();
  clock.advance(19_000);
  await settle();
  assert.deepEqual(lines, [], "it sleeps");
  clock.advance(1_000);
  await killed;
  assert.deepEqual(lines, ["stop c0 40s"]);
});

test("killContainer() does not wait for a preStop hook longer than the grace period", async () => {
  const { killer, lines, clock } = fixture();
  const container = c("c", { lifecycle: { preStop: { sleep: { seconds: 3600 } } } });
  const killed = killContainer(killer, inputOf(container, { gracePeriodSeconds: 10 }), NEVER);
  await settle();
  clock.advance(10_000);
  await killed;
  assert.deepEqual(lines, ["stop c0 2s"]);
});

test("killContainer() runs no preStop hook without a grace period", async () => {
  const { killer, lines } = fixture();
  const container = c("c", { lifecycle: { preStop: { exec: { command: ["bye"] } } } });
  await killContainer(killer, inputOf(container, { gracePeriodSeconds: 0 }), NEVER);
  assert.deepEqual(lines, ["stop c0 2s"]);
});

test("killPod() stops sidecars last, in reverse order, and then the sandbox", async () => {
  const { killer, lines } = fixture();
  const pod = testPod({
    initContainers: [c("s", { restartPolicy: "Always" }), c("t", { restartPolicy: "Always" })],
    containers: [c("a", { lifecycle: { preStop: { exec: { command: ["bye"] } } } })],
  });
  await killPod(killer, pod, testRuntimePod(["s=running", "t=running", "a=running"]), 30, NEVER);
  assert.deepEqual(lines, ["exec a0 bye", "stop a0 30s", "stop t0 30s", "stop s0 30s", "stop-sandbox s"]);
});

test("killPod() that fails tells the pod why, in upstream's words", async () => {
  const failure = new RuntimeError("Unknown", 'failed to destroy network for sandbox "s"');
  const stopPodSandbox = (): Promise<void> => Promise.reject(failure);
  const { killer, events } = fixture({ stopPodSandbox });
  const why = JSON.stringify(failure.describe());
  const message = `failed to "KillPodSandbox" for "u1" with KillPodSandboxError: ${why}`;
  const runtimePod = { ...testRuntimePod([]), uid: "u1" };
  await assert.rejects(killPod(killer, testPod(), runtimePod, undefined, NEVER), { message });
  assert.deepEqual(events, [`Warning FailedKillPod error killing pod: ${message}`]);
});

test("killPod() stops a sandbox that died too, so that its address is given back", async () => {
  const { killer, lines } = fixture();
  await killPod(killer, testPod(), testRuntimePod(["c=exited:137"], { ready: false }), undefined, NEVER);
  assert.deepEqual(lines, ["stop-sandbox s"]);
});
