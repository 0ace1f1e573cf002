import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { FakeClock } from "#apimachinery";
import { createSimulatedRuntime } from "../simulated/simulated-runtime.ts";
import { createLogCopy } from "./log-copy.ts";
import { mergeEvents } from "./merge-events.ts";

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "k8ts-log-copy-"));
});
after(() => rm(folder, { recursive: true }));

test("createLogCopy copies whole lines once, and follows a rotated file", async () => {
  const [source, target] = [join(folder, "source.log"), join(folder, "pod/0.log")];
  const copy = createLogCopy(source, target, new FakeClock());
  await copy.copy();
  assert.equal(await readFile(target, "utf8"), "");
  const steps: readonly [written: string, lines: readonly string[]][] = [
    ["one\ntw", ["one"]],
    ["one\ntwo\n", ["one", "two"]],
    ["new\n", ["one", "two", "new"]],
  ];
  for (const [written, lines] of steps) {
    await writeFile(source, written);
    await copy.copy();
    const expected = lines.map((line) => `2026-01-01T00:00:00.000000000Z stdout F ${line}\n`).join("");
    assert.equal(await readFile(target, "utf8"), expected);
  }
});

test("mergeEvents ends with its signal", async () => {
  const stop = new AbortController();
  const seen: unknown[] = [];
  const runtimes = [
    createSimulatedRuntime({ clock: new FakeClock() }),
    createSimulatedRuntime({ clock: new FakeClock() }),
  ];
  for await (const event of mergeEvents(runtimes, stop.signal)) if (seen.push(event) === 2) stop.abort();
  assert.deepEqual(seen, ["resync", "resync"]);
});

test("mergeEvents fails when one of its streams does", async () => {
  const broken = {
    // oxlint-disable-next-line require-yield -- that is the point
    async *containerEvents() {
      throw new Error("broken");
    },
  };
  const whole = createSimulatedRuntime({ clock: new FakeClock() });
  const read = async (): Promise<void> => {
    for await (const _ of mergeEvents([whole, broken], new AbortController().signal));
  };
  await assert.rejects(read(), /broken/);
});
