import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite, test } from "node:test";
import { FakeClock, silentLogger, systemClock } from "#apimachinery";
import { runtimeConformance } from "../conformance.ts";
import { isRuntimeDeadlineExceeded, isRuntimeUnimplemented } from "../errors.ts";
import type { Runtime } from "../runtime.ts";
import { nanosToMs, type PodSandboxConfig } from "../sandbox.ts";
import { createSimulatedRuntime } from "../simulated/simulated-runtime.ts";
import { withComponents, type Component } from "./component-runtime.ts";

const signal = new AbortController().signal;
const missingImage = "docker.io/library/missing:1";
const STARTED_AT = 1_767_225_000_000;

// Whatever is not a component's goes through unchanged.
runtimeConformance("component", false, async () => {
  const folder = await mkdtemp(join(tmpdir(), "k8ts-component-"));
  const canPull = (reference: string): boolean => reference !== missingImage;
  const inner = createSimulatedRuntime({ clock: systemClock, podCidr: "10.244.0.0/24", canPull });
  const runtime = withComponents(inner, [], { clock: systemClock, logger: silentLogger });
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

suite("withComponents", () => {
  test("withComponents shows a component as a running container since its start", async () => {
    await using cluster = start();
    const { runtime } = cluster;
    const id = await startPod(runtime);
    const { status } = await runtime.containerStatus(id, {}, signal);
    assert.deepEqual([status.state, nanosToMs(status.startedAt)], ["CONTAINER_RUNNING", STARTED_AT]);
    const [sandbox, ...others] = await runtime.listPodSandbox({}, signal);
    assert.deepEqual([sandbox?.metadata.name, others], ["kube-scheduler", []]);
    const request = { containerId: id, cmd: ["sh"], tty: false, stdin: false, stdout: true, stderr: true };
    await assert.rejects(runtime.exec(request, signal), isRuntimeUnimplemented);
  });

  test("withComponents has the images of components, and of no other program", async () => {
    await using cluster = start();
    const find = async (image: string): Promise<boolean> =>
      (await cluster.runtime.imageStatus({ image }, {}, signal)).image !== undefined;
    assert.equal(await find("k8ts/kube-scheduler:v1.36.0"), true);
    assert.equal(await find("k8ts/kube-proxy:v1.36.0"), false);
    assert.equal(await find("kube-scheduler"), false);
  });

  test("withComponents ends the container of a component that was restarted", async () => {
    await using cluster = start();
    const id = await startPod(cluster.runtime);
    const stop = new AbortController();
    cluster.component.startedAt += 1;
    cluster.clock.advance(1_000);
    for await (const event of cluster.runtime.containerEvents(stop.signal))
      if (event !== "resync" && event.type === "CONTAINER_STOPPED_EVENT") stop.abort();
    const { status } = await cluster.runtime.containerStatus(id, {}, signal);
    assert.deepEqual([status.state, status.exitCode, status.reason], ["CONTAINER_EXITED", 1, "Error"]);
  });

  test("withComponents lets probes ask the component, and tells what is wrong with it", async () => {
    await using cluster = start();
    const { runtime, component } = cluster;
    const id = await startPod(runtime);
    const probe = async (): Promise<readonly [number, string]> => {
      const { exitCode, stderr } = await runtime.execSync(id, ["healthz"], 1, signal);
      return [exitCode, Buffer.from(stderr).toString()];
    };
    assert.deepEqual(await probe(), [0, ""]);
    component.check = () => Promise.reject(new Error("no leader"));
    assert.deepEqual(await probe(), [1, "no leader"]);
  });

  test("withComponents ends a check that takes longer than the probe waits", async () => {
    await using cluster = start();
    const id = await startPod(cluster.runtime);
    const asked = Promise.withResolvers<void>();
    cluster.component.check = (stop) =>
      new Promise((_, reject) => {
        stop.addEventListener("abort", () => reject(stop.reason as Error));
        asked.resolve();
      });
    const probing = cluster.runtime.execSync(id, ["healthz"], 3, signal);
    await asked.promise;
    cluster.clock.advance(3_000);
    await assert.rejects(probing, isRuntimeDeadlineExceeded);
  });

  test("withComponents asks nobody else about a component's sandbox: containerd would measure all of its own", async () => {
    const asked: string[] = [];
    const count = (inner: Runtime): Runtime => ({
      ...inner,
      listContainerStats: async (filter) => {
        asked.push(filter.podSandboxId ?? "");
        return [];
      },
    });
    await using cluster = start(count);
    await startPod(cluster.runtime);
    const [sandbox] = await cluster.runtime.listPodSandbox({}, signal);
    const stats = await cluster.runtime.listContainerStats({ podSandboxId: sandbox!.id }, signal);
    assert.deepEqual([stats.length, asked], [1, []]);
    await cluster.runtime.listContainerStats({ podSandboxId: "other" }, signal);
    await cluster.runtime.listContainerStats({}, signal);
    assert.deepEqual(asked, ["other", ""]);
  });

  test("withComponents refuses components on the pod network", async () => {
    await using cluster = start();
    const { linux: _linux, ...config } = CONFIG;
    await assert.rejects(cluster.runtime.runPodSandbox(config, "", signal), /must use the host network/);
  });
});

interface Fake extends Component {
  check: Component["check"];
  startedAt: number;
}

interface Cluster extends AsyncDisposable {
  readonly runtime: Runtime;
  readonly clock: FakeClock;
  readonly component: Fake;
}

const CONFIG: PodSandboxConfig = {
  metadata: { name: "kube-scheduler", namespace: "kube-system", uid: "u", attempt: 0 },
  annotations: { "k8ts.io/component": "" },
  linux: { securityContext: { namespaceOptions: { network: "NODE" } } },
};

function start(wrap = (inner: Runtime): Runtime => inner): Cluster {
  const clock = new FakeClock();
  const component: Fake = {
    name: "kube-scheduler",
    check: () => Promise.resolve(),
    startedAt: STARTED_AT,
    logPath: undefined,
  };
  const inner = createSimulatedRuntime({ clock, canPull: () => false });
  const runtime = withComponents(wrap(inner), [component], { clock, logger: silentLogger });
  return { runtime, clock, component, [Symbol.asyncDispose]: () => runtime.close() };
}

async function startPod(runtime: Runtime): Promise<string> {
  const sandbox = await runtime.runPodSandbox(CONFIG, "", signal);
  const image = { image: "k8ts/kube-scheduler:v1.36.0" };
  const wanted = { metadata: { name: "kube-scheduler", attempt: 0 }, image };
  const id = await runtime.createContainer(sandbox, wanted, CONFIG, signal);
  await runtime.startContainer(id, signal);
  return id;
}
