import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, readlink, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import type { Payload } from "../platform/platform.ts";
import { writeAtomically } from "./atomic-writer.ts";

let dir = "";
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "k8ts-kubelet-atomic-"));
});
afterEach(() => rm(dir, { recursive: true }));

const payload = (files: Readonly<Record<string, string>>, mode = 0o644): Payload =>
  new Map(Object.entries(files).map(([path, text]) => [path, { data: Buffer.from(text), mode }]));
const visible = async (): Promise<readonly string[]> =>
  (await readdir(dir)).filter((name) => !name.startsWith("..")).toSorted();
const read = (path: string): Promise<string> => readFile(join(dir, path), "utf8");

test("writeAtomically() shows files through ..data", async () => {
  await writeAtomically(dir, payload({ a: "1", "sub/deep/b": "2" }, 0o400), undefined);
  assert.deepEqual(await visible(), ["a", "sub"]);
  assert.deepEqual([await read("a"), await read("sub/deep/b")], ["1", "2"]);
  assert.equal(await readlink(join(dir, "a")), "..data/a");
  assert.equal((await stat(join(dir, "a"))).mode & 0o777, 0o400);
});

test("writeAtomically() replaces everything in one step and leaves one version", async () => {
  await writeAtomically(dir, payload({ a: "1", b: "1" }), undefined);
  await writeAtomically(dir, payload({ a: "2", c: "2" }), undefined);
  assert.deepEqual(await visible(), ["a", "c"]);
  assert.equal(await read("a"), "2");
  assert.equal((await readdir(dir)).filter((name) => name.startsWith("..")).length, 2);
});

test("writeAtomically() does nothing when nothing has changed", async () => {
  await writeAtomically(dir, payload({ a: "1" }), undefined);
  const before = await readlink(join(dir, "..data"));
  await writeAtomically(dir, payload({ a: "1" }), undefined);
  assert.equal(await readlink(join(dir, "..data")), before);
  await writeAtomically(dir, payload({ a: "1" }, 0o600), undefined);
  assert.notEqual(await readlink(join(dir, "..data")), before);
});

test("writeAtomically() empties a volume whose source is optional and gone", async () => {
  await writeAtomically(dir, payload({ a: "1" }), undefined);
  await writeAtomically(dir, payload({}), undefined);
  assert.deepEqual(await visible(), []);
});
