import assert from "node:assert/strict";
import { test } from "node:test";
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
