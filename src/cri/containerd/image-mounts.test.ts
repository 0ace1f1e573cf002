import assert from "node:assert/strict";
import { test } from "node:test";
import { mountCommand, mountsItself } from "./image-mounts.ts";

test("mountsItself() is true from containerd 2.1 on", () => {
  const versions = ["1.6.20~ds1", "v1.7.27", "2.0.5", "v2.1.0", "2.10.1", "3.0.0"];
  assert.deepEqual(versions.map(mountsItself), [false, false, false, true, true, true]);
});

test("mountCommand() names many layers from their common folder", () => {
  const options = ["index=off", "lowerdir=/r/snapshots/12/fs:/r/snapshots/3/fs"];
  assert.deepEqual(mountCommand({ type: "overlay", source: "overlay", options }, "/t"), {
    args: ["--no-canonicalize", "-t", "overlay", "-o", "index=off,lowerdir=12/fs:3/fs,ro", "overlay", "/t"],
    cwd: "/r/snapshots",
  });
});

test("mountCommand() binds a single layer, read only", () => {
  const { args } = mountCommand({ type: "bind", source: "/r/1/fs", options: ["rw", "rbind"] }, "/t");
  assert.deepEqual(args, ["--no-canonicalize", "-o", "rbind,ro", "/r/1/fs", "/t"]);
});
