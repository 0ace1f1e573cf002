import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { FakeClock } from "#apimachinery";
import { createLogger } from "./logger.ts";

test("createLogger writes JSON lines with component, time and fields", () => {
  const lines: string[] = [];
  const logger = createLogger({
    component: "kubelet",
    clock: new FakeClock(),
    write: (line) => lines.push(line),
  });
  logger.child({ node: "n1" }).info("Started", { pods: 3 });
  logger.debug("hidden");
  assert.equal(lines.length, 1);
  assert.deepEqual(JSON.parse(lines[0]!), {
    level: "info",
    ts: "2026-01-01T00:00:00.000000Z",
    component: "kubelet",
    node: "n1",
    pods: 3,
    msg: "Started",
  });
});

test("createLogger shows errors with their causes and never secrets", () => {
  const lines: string[] = [];
  const logger = createLogger({
    component: "x",
    clock: new FakeClock(),
    write: (line) => lines.push(line),
    level: "debug",
  });
  logger.error("Failed", {
    err: new Error("outer", { cause: new Error("inner") }),
    token: "s3cret",
    request: { authorization: "Bearer s3cret" },
  });
  assert.match(lines[0]!, /"message":"outer"/);
  assert.match(lines[0]!, /"message":"inner"/);
  assert.doesNotMatch(lines[0]!, /s3cret/);
});

test("createLogger survives a standard error that cannot be written to", async () => {
  const logger = join(import.meta.dirname, "logger.ts");
  const program = `
    const { createLogger } = await import(${JSON.stringify(logger)});
    const logger = createLogger({ component: "x", clock: { now: () => 0 } });
    logger.warn("one");
    logger.warn("two");
    console.log("alive");`;
  const command = 'exec "$@" 2>/dev/full';
  const node = [process.execPath, "--input-type=module", "-e", program];
  const { stdout } = await promisify(execFile)("sh", ["-c", command, "sh", ...node]);
  assert.equal(stdout, "alive\n");
});
