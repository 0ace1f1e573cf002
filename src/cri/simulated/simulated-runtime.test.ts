import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite, test } from "node:test";
import { FakeClock, systemClock } from "#apimachinery";
import { runtimeConformance } from "../conformance.ts";
import { addressPool } from "./addresses.ts";
import { planScript } from "./script.ts";
import { createSimulatedRuntime } from "./simulated-runtime.ts";

const missingImage = "docker.io/library/missing:1";
const signal = new AbortController().signal;

runtimeConformance("simulated", false, async () => {
  const folder = await mkdtemp(join(tmpdir(), "k8ts-simulated-"));
  const runtime = createSimulatedRuntime({
    clock: systemClock,
    podCidr: "10.244.0.0/24",
    canPull: (reference) => reference !== missingImage,
  });
  return {
    runtime,
    image: "demo/web:1",
    missingImage,
    cgroupParent: "/k8ts",
    folder,
    stop: async () => {
      await runtime.close();
      await rm(folder, { recursive: true });
    },
  };
});

suite("planScript", () => {
  const cases: readonly [command: readonly string[], annotation: string | undefined, expected: string][] = [
    [[], undefined, "runs"],
    [["nginx", "-g", "daemon off;"], undefined, "runs"],
    [["/bin/true"], undefined, "0 after 0"],
    [["false"], undefined, "1 after 0"],
    [["sleep", "2.5"], undefined, "0 after 2500"],
    [["sleep", "infinity"], undefined, "runs"],
    [["sh", "-c", "exit 7"], undefined, "7 after 0"],
    [["sh", "-c", "sleep 1; exit 7"], undefined, "runs"],
    [["sh", "-c", "echo hi > /tmp/x"], undefined, "runs"],
    [["nginx"], "3 after 200ms", "3 after 200"],
    [["true"], "0 after 1m", "0 after 60000"],
    [["nginx"], "0", "0 after 0"],
    [["true"], "never", "runs"],
  ];
  for (const [command, annotation, expected] of cases)
    test(`planScript of ${JSON.stringify(command)} with ${annotation ?? "no annotation"} ${expected}`, () => {
      const config = { metadata: { name: "c", attempt: 0 }, image: { image: "i" }, command };
      const { exit } = planScript(
        config,
        annotation === undefined ? {} : { "k8ts.io/simulated-exit": annotation },
      );
      assert.equal(exit === undefined ? "runs" : `${exit.code} after ${exit.afterMs}`, expected);
    });

  test("planScript prefers the annotation for one container", () => {
    const config = { metadata: { name: "init", attempt: 0 }, image: { image: "i" } };
    const annotations = { "k8ts.io/simulated-exit": "1", "k8ts.io/simulated-exit.init": "0 after 1s" };
    assert.deepEqual(planScript(config, annotations).exit, { code: 0, afterMs: 1_000 });
  });
});

suite("addressPool", () => {
  test("addressPool gives all addresses but the first two and the last, then none", () => {
    const pool = addressPool("10.1.2.0/29");
    const taken = Array.from({ length: 5 }, () => pool.take());
    assert.deepEqual(taken, ["10.1.2.2", "10.1.2.3", "10.1.2.4", "10.1.2.5", "10.1.2.6"]);
    assert.throws(() => pool.take(), /No free address in the pod network 10.1.2.0\/29/);
    pool.give("10.1.2.4");
    assert.equal(pool.take(), "10.1.2.4");
  });
});

suite("createSimulatedRuntime", () => {
  test("createSimulatedRuntime is not ready until it knows the pod network", async () => {
    const runtime = createSimulatedRuntime({ clock: new FakeClock() });
    const isReady = async (): Promise<boolean | undefined> =>
      (await runtime.status({}, signal)).status.conditions.find(({ type }) => type === "NetworkReady")
        ?.status;
    assert.equal(await isReady(), false);
    await runtime.updateRuntimeConfig({ podCidr: "10.0.0.0/24" }, signal);
    assert.equal(await isReady(), true);
  });

  test("createSimulatedRuntime ends containers when the clock says so", async () => {
    const clock = new FakeClock();
    const runtime = createSimulatedRuntime({ clock, podCidr: "10.0.0.0/16" });
    const config = {
      metadata: { name: "p", namespace: "default", uid: "u", attempt: 0 },
      annotations: { "k8ts.io/simulated-exit": "2 after 10s" },
    };
    const sandbox = await runtime.runPodSandbox(config, "", signal);
    await runtime.pullImage({ image: "web" }, undefined, undefined, signal);
    const container = { metadata: { name: "c", attempt: 0 }, image: { image: "web" } };
    const id = await runtime.createContainer(sandbox, container, config, signal);
    await runtime.startContainer(id, signal);
    clock.advance(9_999);
    assert.equal((await runtime.containerStatus(id, {}, signal)).status.state, "CONTAINER_RUNNING");
    clock.advance(1);
    const { status } = await runtime.containerStatus(id, {}, signal);
    assert.deepEqual([status.state, status.exitCode], ["CONTAINER_EXITED", 2]);
    assert.equal(status.finishedAt - status.startedAt, 10_000_000_000n);
  });
});
