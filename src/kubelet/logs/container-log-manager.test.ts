import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import { FakeClock } from "#apimachinery";
import { rotateIfLarge } from "./container-log-manager.ts";

const HOUR_MS = 3_600_000;

test("rotateIfLarge() compresses what was rotated before, and keeps the newest as it is", async () => {
  const dir = await mkdtemp(join(tmpdir(), "k8ts-logs-"));
  try {
    const path = join(dir, "0.log");
    const clock = new FakeClock(0);
    const runtime = { reopenContainerLog: () => writeFile(path, "") };
    const options = { runtime: runtime as never, clock, containerLogMaxBytes: 3 };
    const { signal } = new AbortController();
    for (const text of ["no", "first", "second"]) {
      clock.advance(HOUR_MS);
      await writeFile(path, text);
      await rotateIfLarge(options, "c", path, signal);
    }
    const [log, compressed, newest] = (await readdir(dir)).toSorted();
    assert.deepEqual(
      [log, compressed, newest],
      ["0.log", "0.log.19700101-020000.gz", "0.log.19700101-030000"],
    );
    assert.equal(gunzipSync(await readFile(join(dir, compressed!))).toString(), "first");
    assert.equal(await readFile(join(dir, newest!), "utf8"), "second");
  } finally {
    await rm(dir, { recursive: true });
  }
});

test("rotateIfLarge() gives the log its name back when the runtime does not open it anew", async () => {
  const dir = await mkdtemp(join(tmpdir(), "k8ts-logs-"));
  try {
    const path = join(dir, "0.log");
    await writeFile(path, "first");
    const runtime = { reopenContainerLog: () => Promise.reject(new Error("not now")) };
    const options = { runtime: runtime as never, clock: new FakeClock(0), containerLogMaxBytes: 3 };
    await assert.rejects(rotateIfLarge(options, "c", path, new AbortController().signal), /not now/);
    assert.deepEqual(await readdir(dir), ["0.log"]);
  } finally {
    await rm(dir, { recursive: true });
  }
});
