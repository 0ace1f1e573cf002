import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { PluginDevice } from "./device-plugin-tables.ts";
import { DeviceRegistry, type Endpoint } from "./device-registry.ts";

const endpoint = {} as Endpoint;
const START_MS = 1000;
const GRACE_MS = 300_000;

function devices(...healths: readonly ("Healthy" | "Unhealthy")[]): readonly PluginDevice[] {
  return healths.map((health, index) => ({ id: `d${index}`, health }));
}

function told(registry: DeviceRegistry, nowMs: number): string {
  const { capacity, allocatable, removed } = registry.capacity(nowMs);
  const amounts = [...capacity].map(([name, amount]) => `${name} ${allocatable.get(name)}/${amount}`);
  return [...amounts, ...[...removed].map((name) => `${name} gone`)].join(", ");
}

suite("DeviceRegistry", () => {
  test("DeviceRegistry offers healthy devices and counts all", () => {
    const registry = new DeviceRegistry();
    registry.connected("a/b", endpoint);
    assert.equal(told(registry, START_MS), "a/b 0/0");
    registry.devicesChanged("a/b", devices("Healthy", "Unhealthy", "Healthy"));
    assert.equal(told(registry, START_MS), "a/b 2/3");
  });

  test("DeviceRegistry keeps the devices of a plugin that is away for a while, but offers none", () => {
    const registry = new DeviceRegistry();
    registry.connected("a/b", endpoint);
    registry.devicesChanged("a/b", devices("Healthy", "Healthy"));
    registry.disconnected("a/b", START_MS);
    assert.equal(told(registry, START_MS + GRACE_MS), "a/b 0/2");
    assert.equal(told(registry, START_MS + GRACE_MS + 1), "a/b gone");
    assert.equal(registry.has("a/b"), false);
    registry.connected("a/b", endpoint);
    registry.devicesChanged("a/b", devices("Healthy"));
    assert.equal(told(registry, START_MS + GRACE_MS + 2), "a/b 1/1");
  });

  test("DeviceRegistry offers nothing of an earlier kubelet until the plugin is back", () => {
    const registry = new DeviceRegistry();
    registry.restore(["a/b"], START_MS);
    assert.equal(told(registry, START_MS), "a/b 0/0");
    assert.equal(registry.endpoint("a/b"), undefined);
    assert.equal(told(registry, START_MS + GRACE_MS + 1), "a/b gone");
  });

  test("DeviceRegistry says which devices are new or have changed their health", () => {
    const registry = new DeviceRegistry();
    registry.connected("a/b", endpoint);
    assert.deepEqual([...registry.devicesChanged("a/b", devices("Healthy"))], ["d0"]);
    const changed = registry.devicesChanged("a/b", devices("Unhealthy", "Healthy"));
    assert.deepEqual([...changed], ["d0", "d1"]);
    assert.deepEqual([...registry.devicesChanged("a/b", devices("Unhealthy"))], []);
  });
});
