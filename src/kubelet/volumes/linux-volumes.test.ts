import assert from "node:assert/strict";
import { chmod, mkdtemp, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite, test } from "node:test";
import { linuxVolumes } from "./linux-volumes.ts";

async function inFolder(check: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "k8ts-volumes-"));
  try {
    await check(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

suite("linuxVolumes", { skip: process.platform === "linux" ? false : "needs Linux" }, () => {
  const host = linuxVolumes();

  test("writeFile() replaces what a container has written, however much it is", () =>
    inFolder(async (folder) => {
      const path = join(folder, "etc-hosts");
      await host.writeFile(path, "one", 0o644);
      const { ino, mode } = await stat(path);
      assert.equal(mode & 0o777, 0o644);
      // More than fits into a buffer.
      await truncate(path, 2 ** 40);
      await host.writeFile(path, "one", 0o644);
      assert.equal(await readFile(path, "utf8"), "one");
      assert.equal((await stat(path)).ino, ino, "in place, for it is mounted");
      await writeFile(path, "on");
      await host.writeFile(path, "one", 0o644);
      assert.equal(await readFile(path, "utf8"), "one");
    }));

  test("setMode() gives permissions, and leaves the other bits where they fit", () =>
    inFolder(async (folder) => {
      await host.setMode(folder, 0o777);
      assert.equal((await stat(folder)).mode & 0o7777, 0o777);
      await chmod(folder, 0o3777);
      await host.setMode(folder, 0o777);
      assert.equal((await stat(folder)).mode & 0o7777, 0o3777);
    }));
});
