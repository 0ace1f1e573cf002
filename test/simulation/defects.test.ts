import assert from "node:assert/strict";
import { test } from "node:test";
import { StatusError } from "#apimachinery";
import { isExpected, strictLogger } from "./defects.ts";

const conflict = new StatusError("Conflict", "changed");

test("isExpected() knows the answers of a server from the mistakes of a program", () => {
  const cases: readonly (readonly [string, unknown, boolean])[] = [
    ["an answer", conflict, true],
    ["what an answer led to", new Error("exists already", { cause: conflict }), true],
    ["several answers", new AggregateError([conflict, conflict]), true],
    ["a broken connection", Object.assign(new Error("socket hang up"), { code: "ECONNRESET" }), true],
    ["what a controller waits for", new Error("red/web has just been deleted at 1970"), true],
    ["a mistake", new TypeError("undefined is not a function"), false],
    ["a mistake with an answer as its cause", new Error("lost", { cause: new TypeError("x") }), false],
    ["a mistake among answers", new AggregateError([conflict, new RangeError("x")]), false],
    ["an error that nobody foresaw", new Error("what is this"), false],
    ["no error at all", "text", false],
  ];
  for (const [what, err, expected] of cases) assert.equal(isExpected(err), expected, what);
});

test("strictLogger() tells of a defect at any level and through any child, and of nothing else", () => {
  const defects: string[] = [];
  const logger = strictLogger((what) => defects.push(what)).child({ controller: "job" });
  logger.error("Reconciling failed", { err: conflict });
  logger.warn("Something else", { key: "red/web" });
  assert.deepEqual(defects, []);
  logger.debug("Reconciling failed", { err: new TypeError("oops") });
  assert.match(defects.join(), /^Reconciling failed: TypeError: oops/);
});
