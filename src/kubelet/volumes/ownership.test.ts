import assert from "node:assert/strict";
import { renameSync, symlinkSync } from "node:fs";
import { chmod, chown, lstat, mkdir, mkdtemp, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setGroup } from "./ownership.ts";

const options = { skip: process.getuid?.() === 0 ? false : "changing owners needs root" };

test("setGroup() gives everything below to the group, and follows no link", options, async () => {
  const dir = await mkdtemp(join(tmpdir(), "k8ts-ownership-"));
  const outside = await mkdtemp(join(tmpdir(), "k8ts-outside-"));
  try {
    await mkdir(join(dir, "sub"), { mode: 0o700 });
    await writeFile(join(dir, "sub", "file"), "", { mode: 0o600 });
    await symlink(outside, join(dir, "link"));
    await writeFile(join(dir, "shared"), "");
    await chmod(join(dir, "shared"), 0o4660);
    await setGroup(dir, 4321);
    const of = async (path: string): Promise<readonly number[]> => {
      const info = await lstat(join(dir, path));
      return [info.gid, info.mode & 0o7777];
    };
    assert.deepEqual(await of("sub"), [4321, 0o2770]);
    assert.deepEqual(await of("sub/file"), [4321, 0o660]);
    assert.deepEqual(await of("shared"), [4321, 0o4660], "a change of owner takes setuid away");
    assert.equal((await of("link"))[0], 4321);
    assert.notEqual((await stat(outside)).gid, 4321);

    await chown(join(dir, "sub", "file"), 0, 0);
    await setGroup(dir, 4321, { onRootMismatch: true });
    assert.equal((await of("sub/file"))[0], 0, "the root fits: nothing is changed");
    await chmod(dir, 0o700);
    await setGroup(dir, 4321, { onRootMismatch: true });
    assert.equal((await of("sub/file"))[0], 4321);
  } finally {
    await rm(dir, { recursive: true });
    await rm(outside, { recursive: true });
  }
});

test(
  "setGroup() changes nothing elsewhere when links take the place of what it changes",
  options,
  async () => {
    const folder = await mkdtemp(join(tmpdir(), "k8ts-ownership-"));
    try {
      const volume = join(folder, "volume");
      const outside = join(folder, "outside");
      await mkdir(join(volume, "sub"), { recursive: true });
      await mkdir(outside);
      const names = [join(volume, "sub", "file"), join(volume, "swapped"), join(outside, "file")];
      for (const name of names) await writeFile(name, "", { mode: 0o600 });
      const swaps = [
        () => {
          renameSync(join(volume, "swapped"), join(volume, "old"));
          symlinkSync(join(outside, "file"), join(volume, "swapped"));
        },
        () => {
          renameSync(join(volume, "sub"), join(volume, "moved"));
          symlinkSync(outside, join(volume, "sub"));
        },
      ];
      await setGroup(volume, 4321, { onFile: () => swaps.shift()?.() });
      const of = async (path: string): Promise<readonly number[]> => {
        const info = await lstat(join(folder, path));
        return [info.gid, info.mode & 0o7777];
      };
      assert.deepEqual(await of("outside/file"), [0, 0o600]);
      assert.equal((await of("outside"))[0], 0);
      assert.deepEqual(await of("volume/old"), [4321, 0o660]);
      assert.deepEqual(await of("volume/moved/file"), [4321, 0o660]);
    } finally {
      await rm(folder, { recursive: true });
    }
  },
);
