import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock } from "#apimachinery";
import { jsonProgress, textProgress, type ProgressOutput } from "./progress.ts";
import { UserError } from "./user-error.ts";

const failure = new UserError("no room", { id: "DISK_FULL", exitCode: 74, cause: new Error("ENOSPC") });

test("textProgress writes a line for each step with its time and its detail", async () => {
  const { out, written } = output(false);
  const clock = new FakeClock();
  const progress = textProgress(out, clock);
  progress.info("begins");
  const value = await progress.step("Control plane", async (note) => {
    clock.advance(840);
    note("https://x:1");
    return 7;
  });
  assert.equal(value, 7);
  await assert.rejects(
    progress.step("Nodes", () => Promise.reject(failure)),
    failure,
  );
  assert.equal(written(), "begins\n  ✔ Control plane: https://x:1 (0.8 s)\n  ✘ Nodes (0.0 s)\n");
});

test("textProgress shows a running step on a terminal and writes over it", async () => {
  const { out, written } = output(true);
  await textProgress(out, new FakeClock()).step("Network", () => Promise.resolve());
  assert.equal(written(), "  … Network\r\u001b[K  ✔ Network (0.0 s)\n");
});

test("jsonProgress writes one object a line, with the id of what failed", async () => {
  const { out, written } = output(false);
  const clock = new FakeClock();
  const progress = jsonProgress(out, clock);
  progress.info("begins");
  await progress.step("Network", async (note) => {
    clock.advance(12);
    note("one bridge");
  });
  await assert.rejects(progress.step("Disk", () => Promise.reject(failure)));
  const events = written()
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as unknown);
  assert.deepEqual(events, [
    { type: "info", message: "begins" },
    { type: "step", name: "Network", status: "started" },
    { type: "step", name: "Network", status: "done", detail: "one bridge", seconds: 0.012 },
    { type: "step", name: "Disk", status: "started" },
    { type: "step", name: "Disk", status: "failed", error: "no room: ENOSPC", id: "DISK_FULL", seconds: 0 },
  ]);
});

function output(isTTY: boolean): { readonly out: ProgressOutput; readonly written: () => string } {
  let text = "";
  return { out: { isTTY, write: (part) => void (text += part) }, written: () => text };
}
