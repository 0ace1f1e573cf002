/** Devices get a file system once, and keep what is on them: with a loop device of the test's own. @module */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, mkdir, open, readFile, rm, statfs, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { promisify } from "node:util";
import { formatAndMount } from "./format-device.ts";
import { isMountPoint, unmountBelow } from "./mounts.ts";

const run = promisify(execFile);
const EXT4_MAGIC = 0xef53;
const skip = process.geteuid?.() === 0 ? false : "needs root: loop devices and mounts";

suite("formatAndMount()", { skip, concurrency: 1 }, () => {
  let dir: string;
  let device: string;
  let path: string;
  const request = (options: readonly string[] = []) => ({ source: device, path, type: "ext4", options });

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), "k8ts-device-"));
    path = join(dir, "mounted");
    await mkdir(path);
    const file = await open(join(dir, "disk"), "w");
    await file.truncate(16 << 20);
    await file.close();
    device = (await run("losetup", ["--find", "--show", join(dir, "disk")])).stdout.trim();
  });
  after(async () => {
    await unmountBelow(dir);
    await run("losetup", ["--detach", device]);
    await rm(dir, { recursive: true });
  });

  test("makes no file system for who may only read", async () => {
    await assert.rejects(formatAndMount(request(["ro"])), /cannot mount unformatted disk .* read-only mode/);
    assert.equal(await isMountPoint(path), false);
  });

  test("makes a file system on an empty device, and keeps it the next time", async () => {
    await formatAndMount(request());
    assert.equal((await statfs(path)).type, EXT4_MAGIC);
    await writeFile(join(path, "kept"), "yes");
    await unmountBelow(path);
    await formatAndMount(request());
    assert.equal(await readFile(join(path, "kept"), "utf8"), "yes");
    await unmountBelow(path);
  });

  test("mounts a device twice, for two pods", async () => {
    const second = join(dir, "second");
    await mkdir(second);
    await Promise.all([formatAndMount(request()), formatAndMount({ ...request(), path: second })]);
    assert.equal(await readFile(join(second, "kept"), "utf8"), "yes");
    await unmountBelow(dir);
  });

  test("writes over nothing that it does not know", async () => {
    const disk = await open(device, "r+");
    // the signature of a table of partitions at the end of the first sector, and one entry of it
    await disk.write(Buffer.alloc(4096), 0, 4096, 0);
    await disk.write(Buffer.alloc(4096), 0, 4096, 1024);
    const entry = Buffer.from([0x80, 0, 1, 0, 0x83, 0, 2, 0, 1, 0, 0, 0, 8, 0, 0, 0]);
    await disk.write(entry, 0, entry.length, 446);
    await disk.write(Buffer.from([0x55, 0xaa]), 0, 2, 510);
    await disk.close();
    await assert.rejects(formatAndMount(request()), /mount failed/);
    const { stdout } = await run("blkid", ["-p", "-s", "PTTYPE", "-o", "value", device]);
    assert.equal(stdout.trim(), "dos");
  });
});
