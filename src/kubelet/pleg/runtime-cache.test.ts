import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { silentLogger, systemClock } from "#apimachinery";
import { createSimulatedRuntime, type PodSandboxConfig, type Runtime } from "#cri";
import { CONTAINER_NAME_LABEL, POD_UID_LABEL } from "../container/labels.ts";
import { inspectPod } from "./inspect.ts";
import { RuntimeCache } from "./runtime-cache.ts";

const stop = new AbortController();
const { signal } = stop;
const changes: string[] = [];
let runtime: Runtime;
let cache: RuntimeCache;
let running: Promise<void>;
let woken = (): void => {};

before(() => {
  runtime = createSimulatedRuntime({ clock: systemClock, podCidr: "10.200.0.0/24" });
  cache = new RuntimeCache({
    runtime,
    clock: systemClock,
    logger: silentLogger,
    readMessage: async () => "last words",
    onChange: (uid, asksForWork) => {
      changes.push(`${uid} ${asksForWork}`);
      woken();
    },
    signal,
  });
  running = cache.run(signal);
});
after(async () => {
  stop.abort();
  await running;
  await runtime.close();
});

function sandbox(uid: string): PodSandboxConfig {
  return { metadata: { name: uid, uid, namespace: "d", attempt: 0 }, labels: { [POD_UID_LABEL]: uid } };
}

async function start(uid: string): Promise<string> {
  const config = sandbox(uid);
  const id = await runtime.runPodSandbox(config, "", signal);
  await runtime.pullImage({ image: "demo/web:1" }, undefined, config, signal);
  const labels = { [POD_UID_LABEL]: uid, [CONTAINER_NAME_LABEL]: "c" };
  const wanted = { metadata: { name: "c", attempt: 0 }, image: { image: "demo/web:1" }, labels };
  const container = await runtime.createContainer(id, wanted, config, signal);
  await runtime.startContainer(container, signal);
  return container;
}

async function changeOf(uid: string, asksForWork: boolean): Promise<void> {
  while (!changes.includes(`${uid} ${asksForWork}`)) await new Promise<void>((resolve) => (woken = resolve));
}

test("RuntimeCache.refresh reads a pod as it is", async () => {
  await start("u1");
  const pod = await cache.refresh("u1");
  assert.equal(pod?.containers[0]?.state, "running");
  assert.equal(pod.containers[0].name, "c");
  assert.equal(pod.ips.length, 1);
  assert.equal(await cache.refresh("nobody"), undefined);
});

test("RuntimeCache asks for work when a container ends, and keeps its last words", async () => {
  const container = await start("u2");
  await cache.refresh("u2");
  await runtime.stopContainer(container, 0, signal);
  await changeOf("u2", true);
  const ended = cache.get("u2")?.containers[0];
  assert.equal(ended?.state, "exited");
  assert.equal(ended.message, "last words");
});

/** Of the container of `u4`, when the runtime says this. */
async function signalOf(stopSignal: string): Promise<string | undefined> {
  const telling: Parameters<typeof inspectPod>[0] = {
    listPodSandbox: (...args) => runtime.listPodSandbox(...args),
    podSandboxStatus: (...args) => runtime.podSandboxStatus(...args),
    listContainers: (...args) => runtime.listContainers(...args),
    containerStatus: async (...args) => {
      const { status, info } = await runtime.containerStatus(...args);
      return { status: { ...status, stopSignal }, info };
    },
  };
  const pod = await inspectPod(telling, "u4", undefined, async () => "", signal);
  return pod?.containers[0]?.stopSignal;
}

test("inspectPod() takes the stop signal of a runtime that knows one", async () => {
  await start("u4");
  assert.equal(await signalOf("SIGNAL_SIGRTMINPLUS1"), "SIGRTMIN+1");
  assert.equal(await signalOf("SIGNAL_RUNTIME_DEFAULT"), undefined);
});

test("RuntimeCache.relist finds what nobody has told of, and forgets what is gone", async () => {
  const fresh = new RuntimeCache({
    runtime,
    clock: systemClock,
    logger: silentLogger,
    readMessage: async () => "",
    onChange: () => {},
    signal,
  });
  await start("u3");
  await fresh.relist(signal);
  assert.ok(fresh.get("u3"));
  await runtime.removePodSandbox(fresh.get("u3")!.sandboxes[0]!.id, signal);
  await fresh.relist(signal);
  assert.equal(fresh.get("u3"), undefined);
});
