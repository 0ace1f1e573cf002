import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { FakeClock, silentLogger } from "#apimachinery";
import { RuntimeError } from "#cri";
import type { Plugin } from "../pluginmanager/plugin-manager.ts";
import { DRAPluginManager } from "./dra-plugin-manager.ts";
import type { ConnectedDRAPlugin } from "./dra-plugin.ts";
import type { PluginDeviceHealth } from "./dra-tables.ts";

interface FakePlugin extends ConnectedDRAPlugin {
  readonly endpoint: string;
  readonly service: string;
  connected: (is: boolean) => void;
  isClosed: boolean;
}

function newNode() {
  const clock = new FakeClock();
  const made: FakePlugin[] = [];
  const wiped: string[] = [];
  const told: string[] = [];
  const manager = new DRAPluginManager({
    clock,
    logger: silentLogger,
    connect({ socketPath, service }) {
      const plugin: FakePlugin = {
        endpoint: socketPath,
        service: service.package,
        connected: () => {},
        isClosed: false,
        prepare: async () => new Map(),
        unprepare: async () => new Map(),
        watchHealth: (signal) => (socketPath === "/silent" ? health() : telling(signal)),
        keepConnected: (onChange) => void (plugin.connected = onChange),
        close: () => void (plugin.isClosed = true),
      };
      made.push(plugin);
      return plugin;
    },
    wipe: async (driver) => void wiped.push(driver),
    onHealth: (driver, devices) => void told.push(`${driver} ${devices?.length ?? "silent"}`),
    onUsable: () => {},
  });
  return { clock, manager, made, wiped, told };
}

/** Until its plugin goes. */
async function* telling(signal: AbortSignal): AsyncIterable<readonly PluginDeviceHealth[]> {
  yield [];
  await new Promise((resolve) => {
    signal.addEventListener("abort", resolve, { once: true });
    if (signal.aborted) resolve(undefined);
  });
}

/** Has no such service, as it says a little late. */
async function* health(): AsyncIterable<readonly PluginDeviceHealth[]> {
  yield [];
  throw new RuntimeError("Unimplemented", "unknown service");
}

function pluginOf(endpoint: string, supportedVersions: readonly string[] = ["v1.DRAPlugin"]): Plugin {
  return { type: "DRAPlugin", name: "d1", endpoint, socketPath: `${endpoint}-reg`, supportedVersions };
}

suite("DRAPluginManager", () => {
  test("DRAPluginManager takes the first service that it knows, and refuses plugins without one", async () => {
    const { manager, made } = newNode();
    await manager.register(pluginOf("/a", ["v9.DRAPlugin", "v1beta1.DRAPlugin", "v1.DRAPlugin"]));
    assert.equal(made[0]?.service, "k8s.io.kubelet.pkg.apis.dra.v1beta1");
    const refused = (versions: readonly string[], why: string): Promise<void> =>
      assert.rejects(manager.register(pluginOf("/b", versions)), {
        message: `invalid supported gRPC versions of DRA driver plugin d1 at endpoint /b: ${why}`,
      });
    await refused([], "empty list of supported gRPC services (aka supported versions)");
    await refused(
      ["1.0.0"],
      'none of services supported by the plugin (["1.0.0"]) are supported by the kubelet (["v1.DRAPlugin" "v1beta1.DRAPlugin"])',
    );
    await assert.rejects(manager.register(pluginOf("/a")), {
      message: "endpoint /a already registered for DRA driver plugin d1",
    });
    await manager.close();
  });

  test("DRAPluginManager prefers the newest plugin that answers", async () => {
    const { manager, made } = newNode();
    assert.throws(() => manager.get("d1"), { message: "DRA driver d1 is not registered" });
    assert.throws(() => manager.get(""), { message: "DRA driver name is empty" });
    await manager.register(pluginOf("/a"));
    await manager.register(pluginOf("/b"));
    assert.equal(manager.get("d1"), made[1]);
    made[0]?.connected(true);
    assert.equal(manager.get("d1"), made[0]);
    made[1]?.connected(true);
    assert.equal(manager.get("d1"), made[1]);
    await manager.deregister(pluginOf("/b"));
    assert.equal(manager.get("d1"), made[0]);
    assert.equal(made[1]?.isClosed, true);
    await manager.close();
    assert.equal(made[0]?.isClosed, true);
  });

  test("DRAPluginManager takes back what a driver offers when it stays away for 30 s", async () => {
    const { manager, made, clock, wiped } = newNode();
    await manager.register(pluginOf("/a"));
    made[0]?.connected(true);
    clock.advance(60_000);
    made[0]?.connected(false);
    clock.advance(29_000);
    made[0]?.connected(true);
    clock.advance(60_000);
    assert.deepEqual(wiped, []);
    await manager.deregister(pluginOf("/a"));
    clock.advance(29_999);
    assert.deepEqual(wiped, []);
    clock.advance(1);
    assert.deepEqual(wiped, ["d1"]);
    await manager.close();
  });

  test("DRAPluginManager forgets the wipe of a driver whose successor is there", async () => {
    const { manager, made, clock, wiped } = newNode();
    await manager.register(pluginOf("/a"));
    made[0]?.connected(true);
    await manager.register(pluginOf("/b"));
    made[1]?.connected(true);
    await manager.deregister(pluginOf("/a"));
    clock.advance(60_000);
    assert.deepEqual(wiped, []);
    await manager.close();
  });

  test("DRAPluginManager follows the health of devices of plugins that tell it", async () => {
    const { manager, made, told, clock } = newNode();
    await manager.register(pluginOf("/silent"));
    await new Promise(setImmediate);
    clock.advance(60_000);
    await new Promise(setImmediate);
    assert.deepEqual(told.splice(0), ["d1 0"]);
    await manager.register(pluginOf("/a"));
    await manager.register(pluginOf("/b"));
    made[2]?.connected(true);
    await manager.deregister(pluginOf("/a"));
    await new Promise(setImmediate);
    assert.deepEqual(told.splice(0), ["d1 0", "d1 0"]);
    made[2]?.connected(false);
    await manager.deregister(pluginOf("/b"));
    await new Promise(setImmediate);
    assert.deepEqual(told, ["d1 silent"]);
    await manager.close();
  });
});
