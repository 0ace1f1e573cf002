import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock, formatTime } from "#apimachinery";
import type { Client } from "#client";
import { testPod } from "../container/testing.ts";
import { TokenManager } from "./token-manager.ts";

const signal = new AbortController().signal;
const source = { path: "token", expirationSeconds: 1000 };

/** A server that counts the tokens it gives, until it goes down. */
function fixture() {
  const clock = new FakeClock();
  let count = 0;
  let isDown = false;
  const client: Pick<Client, "createSubresource"> = {
    createSubresource: async () => {
      if (isDown) throw new Error("down");
      count += 1;
      const expirationTimestamp = formatTime(clock.now() + 1_000_000);
      return { status: { token: `t${count}`, expirationTimestamp } };
    },
  };
  const tokens = new TokenManager(client as Client, clock, () => 0);
  return { clock, tokens, goDown: () => (isDown = true) };
}

test("TokenManager keeps a token for 80 % of its life", async () => {
  const { clock, tokens } = fixture();
  assert.equal(await tokens.get(testPod(), source, signal), "t1");
  assert.equal(tokens.renewAtMs("u1"), clock.now() + 800_000);
  clock.advance(799_999);
  assert.equal(await tokens.get(testPod(), source, signal), "t1");
  clock.advance(1);
  assert.equal(await tokens.get(testPod(), source, signal), "t2");
});

test("TokenManager keeps an old token while it works and the server does not", async () => {
  const { clock, tokens, goDown } = fixture();
  await tokens.get(testPod(), source, signal);
  goDown();
  clock.advance(900_000);
  assert.equal(await tokens.get(testPod(), source, signal), "t1");
  clock.advance(200_000);
  await assert.rejects(tokens.get(testPod(), source, signal), /failed to fetch token: down/u);
});

test("TokenManager.forget drops the tokens of one pod", async () => {
  const { tokens } = fixture();
  await tokens.get(testPod(), source, signal);
  await tokens.get(testPod({}, { uid: "u2" }), source, signal);
  tokens.forget("u1");
  assert.equal(tokens.renewAtMs("u1"), undefined);
  assert.equal(await tokens.get(testPod({}, { uid: "u2" }), source, signal), "t2");
});
