import assert from "node:assert/strict";
import { test } from "node:test";
import { asError, messageOf } from "./thrown.ts";

test("messageOf is the message of an error, and the text of anything else", () => {
  assert.equal(messageOf(new TypeError("bad")), "bad");
  assert.equal(messageOf("plain"), "plain");
  assert.equal(messageOf(undefined), "undefined");
});

test("asError keeps an error, and makes one of anything else", () => {
  const err = new RangeError("far");
  assert.equal(asError(err), err);
  assert.equal(asError("plain").message, "plain");
});
