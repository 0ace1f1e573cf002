import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { test } from "node:test";
import { readBody } from "./read-body.ts";

const tooLarge = (): Error => new RangeError("too large");
const bodyOf = (...parts: readonly string[]): Readable =>
  Readable.from(parts.map((part) => Buffer.from(part)));

test("readBody() gives the parts as one, up to the last byte that may come", async () => {
  const read = await readBody(bodyOf("ab", "c"), 3, tooLarge);
  assert.equal(read.toString(), "abc");
  assert.equal((await readBody(bodyOf(), 3, tooLarge)).length, 0);
});

test("readBody() refuses a byte more, and lets go of who sends it", async () => {
  const body = bodyOf("ab", "cd", "ef");
  await assert.rejects(readBody(body, 3, tooLarge), /^RangeError: too large$/u);
  assert.equal(body.destroyed, true);
});
