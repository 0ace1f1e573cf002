import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { dealHand, hashFlow } from "./shuffle-shard.ts";

test("dealHand deals different cards of the deck", () => {
  const size = fc.integer({ min: 1, max: 500 }).chain((deck) =>
    fc.record({
      deck: fc.constant(deck),
      hand: fc.integer({ min: 1, max: Math.min(deck, 8) }),
      hash: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    }),
  );
  fc.assert(
    fc.property(size, ({ deck, hand, hash }) => {
      const cards = dealHand(hash, deck, hand);
      assert.equal(new Set(cards).size, hand);
      assert.ok(cards.every((card) => card >= 0 && card < deck));
      assert.deepEqual(dealHand(hash, deck, hand), cards);
    }),
  );
});

test("dealHand reads the hash as a number of mixed base", () => {
  assert.deepEqual(dealHand(0n, 128, 4), [0, 1, 2, 3]);
  assert.deepEqual(dealHand(5n + 128n * 5n, 128, 2), [5, 6]);
  assert.deepEqual(dealHand(5n + 128n * 4n, 128, 2), [5, 4]);
});

test("hashFlow is the same for the same flow, on every server", () => {
  assert.equal(hashFlow("global-default", "alice"), hashFlow("global-default", "alice"));
  assert.notEqual(hashFlow("a", "bc"), hashFlow("ab", "c"));
});
