import assert from "node:assert/strict";
import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { checkHostPath } from "./host-path.ts";

let folder = "";
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "k8ts-kubelet-hostpath-"));
  await writeFile(join(folder, "file"), "");
});
after(() => rm(folder, { recursive: true }));

const accepted = [
  ["", "Directory"],
  ["file", "File"],
  ["file", "FileOrCreate"],
  ["", "DirectoryOrCreate"],
  ["new-file", "FileOrCreate"],
  ["new/folder", "DirectoryOrCreate"],
  ["anything", ""],
] as const;

for (const [path, type] of accepted) {
  test(`checkHostPath() takes ${path === "" ? "a folder" : path} as ${type === "" ? "no type" : type}`, async () => {
    await checkHostPath(join(folder, path), type);
    await stat(join(folder, path));
  });
}

const refused = [
  ["file", "Directory", "directory"],
  ["", "File", "file"],
  ["missing", "Directory", "directory"],
  ["missing", "File", "file"],
  ["file", "Socket", "socket file"],
  ["file", "BlockDevice", "block device"],
  ["file", "CharDevice", "character device"],
  ["file", "DirectoryOrCreate", "directory"],
] as const;

for (const [path, type, name] of refused) {
  test(`checkHostPath() refuses ${path === "" ? "a folder" : path} as ${type}`, async () => {
    const message = `hostPath type check failed: ${join(folder, path)} is not a ${name}`;
    await assert.rejects(checkHostPath(join(folder, path), type), { message });
  });
}
