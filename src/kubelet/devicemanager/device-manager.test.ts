import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Registry } from "#component-base";
import { FakeClock, silentLogger } from "#apimachinery";
import type { Pod } from "#api/core/v1/types.gen";
import { RuntimeError } from "#cri";
import { memoryState, type StateFile } from "../checkpoint/state-file.ts";
import { NODE_START_MS, testContainer, testPod } from "../container/testing.ts";
import { DeviceManager } from "./device-manager.ts";
import { newDeviceMetrics } from "./device-metrics.ts";
import type { DevicePluginClient } from "./device-plugin-client.ts";

const RESOURCE = "example.com/dice";
const NEVER = new AbortController().signal;

function limits(amount: number): object {
  return { resources: { limits: { [RESOURCE]: String(amount) } } };
}

function podOf(
  name: string,
  app: number,
  init?: { readonly amount: number; readonly sidecar?: boolean },
): Pod {
  const policy = init?.sidecar === true ? { restartPolicy: "Always" } : {};
  const initContainers =
    init === undefined ? [] : [testContainer("i", { ...limits(init.amount), ...policy })];
  return testPod({ initContainers, containers: [testContainer("c", limits(app))] }, { name, uid: name });
}

interface NodeOptions {
  readonly devices?: number;
  readonly file?: StateFile;
  readonly preStartRequired?: boolean;
}

async function node({ devices = 3, file = memoryState(), preStartRequired = false }: NodeOptions = {}) {
  const pods = new Map<string, Pod>();
  const calls: string[] = [];
  const sick: string[] = [];
  let failure: Error | undefined;
  const client: DevicePluginClient = {
    options: () => Promise.reject(new Error("nobody asks")),
    listAndWatch: () => (async function* () {})(),
    preferredAllocation: async ({ available, size }) => available.toReversed().slice(0, size),
    async allocate(ids) {
      if (failure !== undefined) throw failure;
      calls.push(`allocate ${ids.toSorted().join(" ")}`);
      const envs = { DICE: ids.join(" ") };
      return { envs, mounts: [], devices: [], annotations: {}, cdiDevices: [{ name: "v/c=1" }] };
    },
    async preStartContainer(ids) {
      calls.push(`preStart ${ids.toSorted().join(" ")}`);
    },
    close: () => {},
  };
  const manager = new DeviceManager({
    clock: new FakeClock(NODE_START_MS),
    logger: silentLogger,
    checkpoint: file,
    metrics: newDeviceMetrics(new Registry()),
    activePods: () => [...pods.values()],
    onCapacity: () => {},
    onHealth: (uid) => void sick.push(uid),
  });
  await manager.load();
  const tell = (healthy: number, unhealthy = 0): void =>
    manager.devicesChanged(
      RESOURCE,
      Array.from({ length: healthy + unhealthy }, (_, index) => ({
        id: `d${index}`,
        health: index < healthy ? "Healthy" : "Unhealthy",
      })),
    );
  return {
    manager,
    pods,
    sick,
    tell,
    connect(): void {
      const options = { preStartRequired, getPreferredAllocationAvailable: true };
      manager.connected(RESOURCE, { client, options });
      tell(devices);
    },
    fail: (err: Error | undefined) => void (failure = err),
    async admit(pod: Pod): Promise<string> {
      pods.set(pod.metadata.name, pod);
      const rejection = await manager.admit(pod, NEVER);
      if (rejection !== undefined) pods.delete(pod.metadata.name);
      return rejection === undefined
        ? calls.splice(0).join(", ")
        : `${rejection.reason}: ${rejection.message}`;
    },
    async start(pod: Pod, name = "c"): Promise<string | undefined> {
      const all = [...(pod.spec?.initContainers ?? []), ...pod.spec!.containers];
      const options = await manager.runOptions(
        pod,
        all.find((c) => c.name === name)!,
        NEVER,
      );
      return options?.envs.get("DICE");
    },
    happened: () => calls.splice(0).join(", "),
  };
}

suite("DeviceManager", () => {
  test("DeviceManager gives each container devices of its own, and takes them back when the pod is gone", async () => {
    const n = await node();
    assert.equal(n.manager.needs(podOf("a", 2)), false);
    n.connect();
    assert.equal(n.manager.needs(podOf("a", 2)), true);
    assert.equal(await n.admit(podOf("a", 2)), "allocate d1 d2");
    assert.equal(
      await n.admit(podOf("b", 2)),
      `UnexpectedAdmissionError: Pod was rejected: Allocate failed due to requested number of devices unavailable for ${RESOURCE}. Requested: 2, Available: 1, which is unexpected`,
    );
    n.pods.delete("a");
    assert.equal(await n.admit(podOf("b", 2)), "allocate d1 d2");
  });

  test("DeviceManager does not give one device twice when pods come at once", async () => {
    const n = await node({ devices: 2 });
    n.connect();
    const answers = await Promise.all([
      n.admit(podOf("a", 1)),
      n.admit(podOf("b", 1)),
      n.admit(podOf("c", 1)),
    ]);
    assert.deepEqual(
      answers.map((answer) => answer.replace(/:.*/, "")),
      ["allocate d1", "allocate d0", "UnexpectedAdmissionError"],
    );
  });

  test("DeviceManager gives what an init container had to the next, but not what a sidecar has", async () => {
    const n = await node({ devices: 2 });
    n.connect();
    assert.equal(await n.admit(podOf("a", 2, { amount: 1 })), "allocate d1, allocate d0 d1");
    n.pods.clear();
    assert.match(await n.admit(podOf("b", 2, { amount: 1, sidecar: true })), /Requested: 2, Available: 1/);
  });

  test("DeviceManager tells of a plugin's error, and holds nothing after it", async () => {
    const n = await node();
    n.connect();
    n.fail(new RuntimeError("Unavailable", "the dice are hot"));
    assert.match(
      await n.admit(podOf("a", 3)),
      /Allocate failed due to rpc error: code = Unavailable desc = the dice are hot, which is unexpected$/,
    );
    n.fail(undefined);
    assert.equal(await n.admit(podOf("b", 3)), "allocate d0 d1 d2");
  });

  test("DeviceManager asks the plugin before each start of a container that it must be asked for", async () => {
    const n = await node({ preStartRequired: true });
    n.connect();
    const pod = podOf("a", 1);
    await n.admit(pod);
    assert.equal(await n.start(pod), "d2");
    assert.equal(n.happened(), "preStart d2");
  });

  test("DeviceManager gives a pod that was never admitted its devices when it starts", async () => {
    const n = await node();
    n.connect();
    const pod = podOf("static", 1);
    n.pods.set("static", pod);
    assert.equal(await n.start(pod), "d2");
    assert.equal(n.happened(), "allocate d2");
  });

  test("DeviceManager remembers across a restart who holds what, before the plugin is back", async () => {
    const file = memoryState();
    const first = await node({ file });
    assert.equal(first.manager.isFirstStart, true);
    first.connect();
    const pod = podOf("a", 1);
    await first.admit(pod);
    await first.manager.close();

    const second = await node({ file });
    second.pods.set("a", pod);
    assert.equal(second.manager.isFirstStart, false);
    assert.equal(await second.start(pod), "d2");
    assert.match(await second.admit(podOf("b", 1)), /no healthy devices present; cannot allocate unhealthy/);
    second.connect();
    assert.equal(await second.admit(podOf("c", 2)), "allocate d0 d1");
  });

  test("DeviceManager goes on without a checkpoint that is damaged", async () => {
    const file = memoryState();
    await file.save('{"Data":{"PodDeviceEntries":[],"RegisteredDevices":{}},"Checksum":1}');
    const n = await node({ file });
    assert.equal(n.manager.needs(podOf("a", 1)), false);
    assert.equal(n.manager.isFirstStart, false);
  });

  test("DeviceManager tells of the health of what a container holds", async () => {
    const n = await node();
    n.connect();
    await n.admit(podOf("a", 1));
    const health = (): unknown => n.manager.resourceStatus("a", "c");
    assert.deepEqual(health(), [{ name: RESOURCE, resources: [{ resourceID: "d2", health: "Healthy" }] }]);
    n.tell(2, 1);
    assert.deepEqual(n.sick, ["a"]);
    assert.deepEqual(health(), [{ name: RESOURCE, resources: [{ resourceID: "d2", health: "Unhealthy" }] }]);
  });
});
