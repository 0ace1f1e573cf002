import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { testContainer, testPod } from "../container/testing.ts";
import type { DeviceRunOptions } from "../devicemanager/run-options.ts";
import { newContainerDevices } from "./container-devices.ts";
import { runtimeAppliesCdi } from "./runtime-support.ts";

const NEVER = new AbortController().signal;

function runtimeOf(runtimeName: string, runtimeVersion: string, config?: object) {
  return {
    version: async () => ({ version: "", runtimeName, runtimeVersion, runtimeApiVersion: "v1" }),
    status: async () => ({
      status: { conditions: [] },
      info: config === undefined ? {} : { config: JSON.stringify(config) },
      runtimeHandlers: [],
    }),
  };
}

test("runtimeAppliesCdi goes by the runtime's version and by what it says of itself", async () => {
  const cases: readonly (readonly [string, string, object | undefined, boolean])[] = [
    ["containerd", "1.6.20~ds1", { enableCDI: true }, false],
    ["containerd", "1.7.2", undefined, false],
    ["containerd", "v1.7.2", { enableCDI: true }, true],
    ["containerd", "2.0.0", {}, true],
    ["containerd", "2.1.0", { enableCDI: false }, false],
    ["cri-o", "1.30.0", undefined, true],
  ];
  for (const [name, version, config, expected] of cases)
    assert.equal(await runtimeAppliesCdi(runtimeOf(name, version, config), NEVER), expected, version);
});

function spec(env: string, names: readonly string[] = ["d1"]): string {
  return JSON.stringify({
    cdiVersion: "0.6.0",
    kind: "example.com/dice",
    devices: names.map((name) => ({ name, containerEdits: { env: [`DICE=${name}`] } })),
    containerEdits: { env: [env] },
  });
}

suite("newContainerDevices", () => {
  let root = "";
  let specDirs: readonly string[] = [];
  before(async () => {
    root = await mkdtemp(join(tmpdir(), "cdi-"));
    specDirs = [join(root, "etc"), join(root, "run"), join(root, "absent")];
    for (const dir of specDirs.slice(0, 2)) await mkdir(dir);
    await writeFile(join(root, "etc/a.json"), spec("FROM=etc", ["d1", "d2"]));
    await writeFile(join(root, "run/a.json"), spec("FROM=run"));
    await writeFile(
      join(root, "run/b.yaml"),
      'cdiVersion: "0.6.0"\nkind: example.com/coin\ndevices:\n- name: c\n  containerEdits:\n    env: [COIN=1]\n',
    );
    await writeFile(join(root, "run/c.json"), "{");
  });
  after(() => rm(root, { recursive: true }));

  const optionsOf = (
    claimed: readonly string[],
    version = "1.6.20",
    own?: DeviceRunOptions,
  ): Promise<DeviceRunOptions | undefined> =>
    newContainerDevices({
      runtime: runtimeOf("containerd", version),
      devicePlugins: { runOptions: async () => own },
      claimed: () => claimed,
      specDirs,
    }).runOptions(testPod(), testContainer("c"), NEVER);

  test("hands on what plugins say where there is no CDI device", async () => {
    assert.equal(await optionsOf([]), undefined);
  });

  test("leaves CDI to a runtime that knows it, claims first, each device once", async () => {
    const own = {
      envs: new Map([["A", "1"]]),
      mounts: [],
      devices: [],
      annotations: {},
      cdiDevices: [{ name: "v/c=1" }, { name: "v/c=2" }],
    };
    const made = await optionsOf(["v/c=2"], "2.0.1", own);
    assert.deepEqual(made, { ...own, cdiDevices: [{ name: "v/c=2" }, { name: "v/c=1" }] });
  });

  test("does what the files say where the runtime cannot; the later folder wins", async () => {
    const made = await optionsOf(["example.com/dice=d1", "example.com/coin=c"]);
    assert.deepEqual(made?.cdiDevices, []);
    assert.deepEqual(Object.fromEntries(made?.cdiEdits?.env ?? []), { FROM: "run", DICE: "d1", COIN: "1" });
    const other = await optionsOf(["example.com/dice=d2"]);
    assert.deepEqual(Object.fromEntries(other?.cdiEdits?.env ?? []), { FROM: "etc", DICE: "d2" });
  });

  test("says which devices nobody describes, and which file could not be read", async () => {
    await assert.rejects(optionsOf(["example.com/dice=d9", "nobody/x=y"]), (err: Error) => {
      assert.match(
        err.message,
        /^CDI device injection failed: unresolvable CDI devices example\.com\/dice=d9, nobody\/x=y \(.*run\/c\.json: /,
      );
      return true;
    });
  });

  test("takes no device that one folder describes twice", async () => {
    await writeFile(join(root, "run/d.json"), spec("FROM=again"));
    await assert.rejects(optionsOf(["example.com/dice=d1"]), /conflicting device example\.com\/dice=d1/);
    await rm(join(root, "run/d.json"));
  });
});
