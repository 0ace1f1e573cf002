import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { readInside } from "./read-inside.ts";

const BYTES_MAX = 10;

suite("readInside", { skip: process.platform === "linux" ? false : "needs Linux" }, () => {
  let folder = "";
  let volume = "";
  before(async () => {
    folder = await realpath(await mkdtemp(join(tmpdir(), "k8ts-kubelet-inside-")));
    volume = join(folder, "volume");
    await mkdir(join(volume, "etc"), { recursive: true });
    await writeFile(join(folder, "secret"), "outside");
    await writeFile(join(volume, "etc/file"), "inside");
    await writeFile(join(volume, "full"), "x".repeat(BYTES_MAX));
    await writeFile(join(volume, "large"), "x".repeat(BYTES_MAX + 1));
    execFileSync("env", ["mkfifo", join(volume, "fifo")]);
    const links = {
      near: "etc/file",
      root: "/etc/file",
      back: "../../../etc/file",
      folder: "/etc",
      up: "..",
      out: join(folder, "secret"),
      outBack: "../secret",
      outFolder: folder,
      loop: "loop",
      dangling: "nowhere",
      device: "/dev/zero",
    };
    for (const [name, target] of Object.entries(links)) await symlink(target, join(volume, name));
  });
  after(() => rm(folder, { recursive: true }));
  const read = async (path: string): Promise<readonly string[]> => {
    const file = await readInside(volume, path, BYTES_MAX);
    return [file.path, file.data.toString()];
  };

  test("readInside() takes the volume for the root", async () => {
    const found = [join(volume, "etc/file"), "inside"];
    const paths = ["etc/file", "/etc/file", "./etc//file", "near", "root", "back", "folder/file"];
    for (const path of [...paths, "../../etc/file", "up/etc/file"])
      assert.deepEqual(await read(path), found, path);
  });

  test("readInside() does not read what lies elsewhere", async () => {
    for (const path of ["out", "outBack", "outFolder/secret", "up/secret", "device", "dangling", "none"])
      await assert.rejects(read(path), { code: "ENOENT" }, path);
    await assert.rejects(read("loop"), /more than 255 links/u);
  });

  test("readInside() reads regular files of the size that is allowed", async () => {
    assert.equal((await read("full"))[1]!.length, BYTES_MAX);
    await assert.rejects(read("large"), /larger than 10 bytes/u);
    await assert.rejects(read("fifo"), /not a regular file/u);
    await assert.rejects(read("etc"), /not a regular file/u);
  });
});
