import assert from "node:assert/strict";
import {
  chmod,
  chown,
  mkdir,
  mkdtemp,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { parseMountInfo, unmountBelow } from "./mounts.ts";
import { resolveSubPath } from "./subpath.ts";

const skip = process.platform === "linux" && process.getuid?.() === 0 ? false : "needs root on Linux";

suite("resolveSubPath", { skip }, () => {
  let folder = "";
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "k8ts-kubelet-subpath-"));
    await mkdir(join(folder, "volume/in"), { recursive: true });
    await writeFile(join(folder, "volume/in/file"), "inside");
    await writeFile(join(folder, "secret"), "outside");
    await symlink(join(folder, "secret"), join(folder, "volume/out"));
    await symlink("in", join(folder, "volume/link"));
  });
  after(async () => {
    await unmountBelow(folder);
    await rm(folder, { recursive: true });
  });
  const resolve = (subPath: string): Promise<string> =>
    resolveSubPath(join(folder, "volume"), subPath, join(folder, "targets", subPath.replaceAll("/", "_")));

  test("resolveSubPath() mounts files, folders, and links that stay inside", async () => {
    assert.equal(await readFile(await resolve("in/file"), "utf8"), "inside");
    assert.equal(await readFile(join(await resolve("in"), "file"), "utf8"), "inside");
    assert.equal(await readFile(join(await resolve("link"), "file"), "utf8"), "inside");
  });

  test("resolveSubPath() makes a missing folder inside the volume", async () => {
    await writeFile(join(await resolve("new/deep"), "f"), "x");
    assert.equal(await readFile(join(folder, "volume/new/deep/f"), "utf8"), "x");
  });

  test("resolveSubPath() gives the folders that it makes the mode and group of the volume", async () => {
    const volume = join(folder, "volume");
    const was = await stat(volume);
    try {
      await chown(volume, 0, 4321);
      await chmod(volume, 0o3777);
      await resolve("shared/deep");
      for (const path of ["shared", "shared/deep"]) {
        const { mode, gid } = await stat(join(volume, path));
        assert.deepEqual([(mode & 0o7777).toString(8), gid], ["3777", 4321], path);
      }
    } finally {
      await chown(volume, was.uid, was.gid);
      await chmod(volume, was.mode & 0o7777);
    }
  });

  test("resolveSubPath() mounts what has taken the place of what is mounted", async () => {
    const path = join(folder, "volume/in/replaced");
    await writeFile(path, "old");
    const target = await resolve("in/replaced");
    await writeFile(`${path}.new`, "new");
    await rename(`${path}.new`, path);
    assert.equal(await readFile(target, "utf8"), "old");
    assert.equal(await readFile(await resolve("in/replaced"), "utf8"), "new");
    const mounts = parseMountInfo(await readFile("/proc/self/mountinfo", "utf8"));
    assert.equal(mounts.filter((point) => point === target).length, 1);
    await resolve("in/replaced");
    assert.equal(parseMountInfo(await readFile("/proc/self/mountinfo", "utf8")).length, mounts.length);
  });

  test("resolveSubPath() refuses to leave the volume", async () => {
    await assert.rejects(resolve("out"), /not within volume path/u);
    await assert.rejects(resolve("../secret"), /must not contain/u);
    await assert.rejects(resolve("/in"), /must not be an absolute path/u);
  });
});

test("parseMountInfo() undoes octal escapes", () => {
  assert.deepEqual(parseMountInfo("1 2 0:3 / /a\\040b rw - tmpfs tmpfs rw\n"), ["/a b"]);
});
