import assert from "node:assert/strict";
import { test } from "node:test";
import { ContinueExpired, decodeContinue, encodeContinue } from "./continue-token.ts";

test("decodeContinue() is the inverse of encodeContinue()", () => {
  const token = { revision: 42, startAfter: "default/web" };
  assert.deepEqual(decodeContinue(encodeContinue(token)), token);
});

test("decodeContinue() refuses what it did not make", () => {
  for (const text of [
    "x",
    Buffer.from("[1]").toString("base64url"),
    Buffer.from('{"v":"old"}').toString("base64url"),
  ]) {
    assert.throws(() => decodeContinue(text), /continue key is not valid/, text);
  }
});

test("ContinueExpired carries a token for an inconsistent rest of the list", () => {
  const { metadata } = new ContinueExpired("default/web").toStatus() as { metadata: { continue?: string } };
  assert.deepEqual(decodeContinue(metadata.continue!), { revision: -1, startAfter: "default/web" });
});
