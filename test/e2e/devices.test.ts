/** A device plugin on a node with real containers: what the node offers, what a pod gets, and who is told. */
import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { systemClock } from "#apimachinery";
import { connect } from "#cri";
import type { PluginDevice } from "../../src/kubelet/devicemanager/device-plugin-tables.ts";
import {
  podResourcesAlphaApi,
  podResourcesApi,
} from "../../src/kubelet/podresources/pod-resources-tables.ts";
import { DevicePlugin } from "../deviceplugin/device-plugin.ts";
import { eventually, TestCluster } from "./harness.ts";
import { IMAGE, podSteps, sh, STATUS } from "./pod-steps.ts";

const WEB = join(import.meta.dirname, "../../examples/web");
const RESOURCE = "example.com/dice";
const skip = process.geteuid?.() === 0 ? false : "needs root: real containers";

const device = (id: string, health = "Healthy", node?: number): PluginDevice => ({
  id,
  health,
  ...(node !== undefined && { topology: { nodes: [{ id: node }] } }),
});

suite("device plugins", { skip }, () => {
  let cluster: TestCluster;
  let plugin: DevicePlugin;
  let rootDir = "";
  let node = "";
  const { pod, ready, phase, field, inside } = podSteps(() => cluster);

  before(async () => {
    cluster = await TestCluster.prepare("e2edevices");
    await cluster.k8ts("start");
    await cluster.k8ts("image", "build", "-t", IMAGE, WEB);
    node = (await cluster.kubectl("get", "nodes", "-o", "jsonpath={.items[0].metadata.name}")).trim();
    rootDir = join(cluster.home, "profiles", cluster.profile, "nodes", node, "kubelet");
    const shared = join(cluster.home, "dice.txt");
    writeFileSync(shared, "of the plugin\n");
    const options = {
      resource: RESOURCE,
      rootDir,
      preStartRequired: true,
      prefer: (available: readonly string[], size: number) =>
        available.toSorted().toReversed().slice(0, size),
      respond: (ids: readonly string[]) => ({
        envs: { DICE: ids.toSorted().join(",") },
        mounts: [{ containerPath: "/dice.txt", hostPath: shared, readOnly: true }],
        devices: ids.map((id) => ({
          containerPath: `/dev/${id}`,
          hostPath: "/dev/zero",
          permissions: "rw",
        })),
        annotations: { "example.com/dice": "rolled" },
      }),
    };
    plugin = new DevicePlugin(options, [
      device("d1", "Healthy", 0),
      device("d2", "Healthy", 0),
      device("d3"),
    ]);
    await plugin.start();
  });
  after(async () => {
    await plugin?.stop();
    await cluster?.destroy();
  });

  const offered = async (list: "capacity" | "allocatable"): Promise<string> =>
    cluster.kubectl("get", "node", node, "-o", `jsonpath={.status.${list}.example\\.com/dice}`);
  const isOffered = (list: "capacity" | "allocatable", amount: string): Promise<unknown> =>
    eventually(`${list} ${amount}`, async () => ((await offered(list)) === amount ? true : undefined));
  const ask = async (method: string, request: object, api = podResourcesApi): Promise<object> => {
    const connection = connect(join(rootDir, "pod-resources/kubelet.sock"), systemClock);
    try {
      const signal = AbortSignal.timeout(10_000);
      return await connection.unary(api.method("PodResourcesLister", method), request, {
        signal,
      });
    } finally {
      connection.close();
    }
  };
  const dicePod = (name: string, amount: number, spec: object = {}): Promise<void> =>
    pod(name, {
      terminationGracePeriodSeconds: 1,
      containers: [{ ...sh("c", "exec sleep 3600"), resources: { limits: { [RESOURCE]: String(amount) } } }],
      ...spec,
    });

  test("a pod gets the devices that the plugin prefers, and what goes with them", async () => {
    await isOffered("allocatable", "3");
    assert.equal(await offered("capacity"), "3");
    await dicePod("two", 2);
    await ready("two");
    assert.equal(await inside("two", "c", "echo $DICE; cat /dice.txt"), "d2,d3\nof the plugin\n");
    assert.equal(
      await inside("two", "c", "head -c 4 /dev/d3 | wc -c; ls /dev/d1 2>/dev/null | wc -l"),
      "4\n0\n",
    );
    assert.deepEqual(
      plugin.calls.map(({ method, ids }) => `${method} ${ids.join()}`),
      ["GetPreferredAllocation d1,d2,d3", "Allocate d2,d3", "PreStartContainer d2,d3"],
    );
  });

  test("whoever asks is told who holds which devices", async () => {
    const { podResources } = (await ask("Get", { podName: "two", podNamespace: "default" })) as {
      podResources: { name: string; containers: readonly { devices: readonly object[] }[] };
    };
    assert.equal(podResources.name, "two");
    assert.deepEqual(podResources.containers[0]?.devices, [
      { resourceName: RESOURCE, deviceIds: ["d2"], topology: { nodes: [{ id: 0 }] } },
      { resourceName: RESOURCE, deviceIds: ["d3"] },
    ]);
    const list = (await ask("List", {})) as { podResources: readonly { name: string }[] };
    assert.ok(list.podResources.some(({ name }) => name === "two"));
    const alpha = (await ask("List", {}, podResourcesAlphaApi)) as {
      podResources: readonly { name: string; containers: readonly { devices: readonly object[] }[] }[];
    };
    const [told] = alpha.podResources.filter(({ name }) => name === "two");
    assert.deepEqual(told?.containers[0]?.devices, [
      { resourceName: RESOURCE, deviceIds: ["d2"] },
      { resourceName: RESOURCE, deviceIds: ["d3"] },
    ]);
    const all = (await ask("GetAllocatableResources", {})) as { devices: readonly { deviceIds: string[] }[] };
    assert.deepEqual(all.devices.flatMap(({ deviceIds }) => deviceIds).toSorted(), ["d1", "d2", "d3"]);
    await assert.rejects(ask("Get", { podName: "nobody", podNamespace: "default" }), {
      message: "pod nobody in namespace default not found",
    });
  });

  test("a pod that asks for more than is left is refused", async () => {
    await dicePod("greedy", 2, { nodeName: node });
    await phase("greedy", "Failed");
    assert.equal(await field("greedy", "{.status.reason}"), "UnexpectedAdmissionError");
    assert.equal(
      await field("greedy", "{.status.message}"),
      `Pod was rejected: Allocate failed due to requested number of devices unavailable for ${RESOURCE}. Requested: 2, Available: 1, which is unexpected`,
    );
  });

  test("the health of its devices stands in the pod's status", async () => {
    const path = `${STATUS}.allocatedResourcesStatus[0].resources[?(@.resourceID=='d3')].health}`;
    assert.equal(await field("two", path), "Healthy");
    plugin.devices = [device("d1"), device("d2"), device("d3", "Unhealthy")];
    await isOffered("allocatable", "2");
    assert.equal(await offered("capacity"), "3");
    await eventually("the health", async () =>
      (await field("two", path)) === "Unhealthy" ? true : undefined,
    );
  });

  test("a plugin that goes takes its devices with it until it registers again; the pod goes on", async () => {
    await plugin.stop();
    await isOffered("allocatable", "0");
    assert.equal(await offered("capacity"), "3");
    plugin.devices = [device("d1"), device("d2"), device("d3")];
    await plugin.start();
    await isOffered("allocatable", "3");
    assert.equal(await field("two", "{.status.phase}"), "Running");
    await cluster.kubectl("delete", "pod", "two", "greedy", "--now");
    await dicePod("three", 3);
    await ready("three");
    assert.equal(await inside("three", "c", "echo $DICE"), "d1,d2,d3\n");
  });

  test("a kubelet that was killed knows who holds what, and takes the plugin again", async () => {
    const file = join(cluster.home, "profiles", cluster.profile, "pids", `${node}.agent.child.pid`);
    process.kill(Number(readFileSync(file, "utf8")), "SIGKILL");
    // The new one removes the sockets of plugins; plugins watch for that.
    const socket = join(rootDir, "device-plugins", plugin.socketName);
    await eventually("the next kubelet", async () => (existsSync(socket) ? undefined : true), 60_000);
    await isOffered("allocatable", "0");
    // it answers before it has heard of its pods, and then knows none
    const { podResources } = (await eventually("the pod is known again", () =>
      ask("Get", { podName: "three", podNamespace: "default" }),
    )) as { podResources: { containers: readonly { devices: readonly object[] }[] } };
    assert.equal(podResources.containers[0]?.devices.length, 3);
    await plugin.stop();
    await plugin.start();
    await isOffered("allocatable", "3");
    await dicePod("late", 1, { nodeName: node });
    await phase("late", "Failed");
    assert.match(await field("late", "{.status.message}"), /Requested: 1, Available: 0/);
    assert.equal(await field("three", `${STATUS}.restartCount}`), "0");
  });

  test("a plugin that speaks another version, or has no proper name, is refused", async () => {
    await plugin.stop();
    await assert.rejects(plugin.start("v1alpha1"), {
      message:
        'requested API version "v1alpha1" is not supported by kubelet. Supported version is ["v1beta1"]',
    });
    const bad = new DevicePlugin({ ...plugin.options, resource: "dice" }, []);
    await assert.rejects(bad.start(), { message: 'the ResourceName "dice" is invalid' });
    await bad.stop();
  });
});
