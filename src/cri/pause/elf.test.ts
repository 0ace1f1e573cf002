import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, suite, test } from "node:test";
import { pauseElf } from "./elf.ts";
import { pauseArchitecture, pauseImage } from "./image.ts";
import { imageId } from "../oci/archive-writer.ts";

const native = process.platform === "linux" ? pauseArchitecture(process.arch) : undefined;
const notNative = native === undefined ? `no machine code for ${process.platform}/${process.arch}` : false;

suite("pauseElf", () => {
  const folder = mkdtempSync(join(tmpdir(), "k8ts-pause-"));
  after(() => rmSync(folder, { recursive: true }));
  const start = async (): Promise<ChildProcess> => {
    const file = join(folder, "pause");
    writeFileSync(file, pauseElf(native!));
    chmodSync(file, 0o755);
    const child = spawn(file);
    await once(child, "spawn");
    return child;
  };

  for (const signal of ["SIGTERM", "SIGINT"] as const)
    test(`pauseElf ends with 0 on ${signal}`, { skip: notNative }, async () => {
      const child = await start();
      child.kill("SIGCHLD");
      child.kill(signal);
      // Before it has blocked its signals, the default action ends it by that signal.
      const [code, by] = (await once(child, "exit")) as [number | null, string | null];
      assert.ok(code === 0 || by === signal, `code ${code}, signal ${by}`);
    });

  test("pauseElf never changes", async () => {
    assert.deepEqual(pauseElf("amd64"), pauseElf("amd64"));
    assert.equal(imageId(await pauseImage("arm64")), imageId(await pauseImage("arm64")));
  });
});
