import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { linuxVolumes } from "../linux-volumes.ts";
import { CsiDevices, stagePaths, writeVolumeData } from "./csi-devices.ts";
import { csiBlockPaths, csiVolumeDir, uniqueVolumeName } from "./csi-paths.ts";

const host = linuxVolumes();

const data = (volumeHandle: string) => ({ driverName: "d", volumeHandle });

const name = (handle: string): string => uniqueVolumeName("d", handle);

test("CsiDevices.load() finds what an earlier kubelet left, and who uses it", async () => {
  const rootDir = await mkdtemp(join(tmpdir(), "k8ts-csi-devices-"));
  try {
    await writeVolumeData(host, csiVolumeDir(rootDir, "u1", "pv-a"), data("a"));
    await writeVolumeData(host, csiVolumeDir(rootDir, "u2", "pv-a"), data("a"));
    await writeVolumeData(host, csiVolumeDir(rootDir, "u1", "own"), {
      ...data("inline"),
      volumeLifecycleMode: "Ephemeral",
    });
    await writeVolumeData(host, stagePaths(rootDir, "d", "a").dir, data("a"));
    await writeVolumeData(host, stagePaths(rootDir, "d", "left").dir, data("left"));
    const block = csiBlockPaths(rootDir, "pv-b", "u3");
    await writeVolumeData(host, block.dataDir, data("b"));
    await host.writeFile(block.publish, "", 0o600);
    await host.makeDir(csiVolumeDir(rootDir, "u4", "half"), 0o750);

    const devices = new CsiDevices(() => {});
    assert.equal(devices.inUse, undefined);
    await devices.load(host, rootDir);
    assert.deepEqual(devices.inUse, [name("a"), name("b"), name("left")]);
    assert.deepEqual([...(devices.get(name("a"))?.users ?? [])], ["u1", "u2"]);
    assert.deepEqual(devices.usedBy("u3"), [name("b")]);
    assert.deepEqual(
      devices.unused().map((device) => device.name),
      [name("left")],
    );
  } finally {
    await rm(rootDir, { recursive: true, force: true });
  }
});
