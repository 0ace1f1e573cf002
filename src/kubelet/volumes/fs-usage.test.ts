import assert from "node:assert/strict";
import { link, lstat, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fsUsage } from "./fs-usage.ts";

test("fsUsage() adds up what lies in a folder, each file once, and follows no link", async () => {
  const folder = await mkdtemp(join(tmpdir(), "k8ts-usage-"));
  try {
    const volume = join(folder, "volume");
    await mkdir(join(volume, "a/b/c"), { recursive: true });
    await writeFile(join(folder, "outside"), Buffer.alloc(1_000_000, 1));
    await symlink(join(folder, "outside"), join(volume, "a/link"));
    await symlink(folder, join(volume, "a/b/folder"));
    const files = Array.from({ length: 50 }, (_, i) => join(volume, `a/b/c/${i}`));
    for (const file of files) await writeFile(file, Buffer.alloc(5_000, 1));
    await link(files[0]!, join(volume, "again"));
    const { usedBytes, inodesUsed } = await fsUsage(volume, true);
    const paths = [
      volume,
      ...["a", "a/b", "a/b/c", "a/link", "a/b/folder"].map((name) => join(volume, name)),
    ];
    const infos = await Promise.all([...paths, ...files].map((path) => lstat(path)));
    assert.equal(inodesUsed, 56);
    assert.equal(
      usedBytes,
      infos.reduce((sum, { blocks }) => sum + blocks * 512, 0),
    );
  } finally {
    await rm(folder, { recursive: true });
  }
});
