import assert from "node:assert/strict";
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
    await setGroup(dir, 4321);
    const of = async (path: string): Promise<readonly number[]> => {
      const info = await lstat(join(dir, path));
      return [info.gid, info.mode & 0o7777];
    };
    assert.deepEqual(await of("sub"), [4321, 0o2770]);
    assert.deepEqual(await of("sub/file"), [4321, 0o660]);
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
