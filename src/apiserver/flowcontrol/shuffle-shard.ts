/** Shuffle sharding: which few of the queues a flow may use. Two flows seldom share all of theirs. @module */
import { createHash } from "node:crypto";

/** Numbers queues may be dealt from; as many as 60 bits of hash can tell apart (validation sees to that). */
export type Hand = readonly number[];

/** 64 bits that name a flow. */
export function hashFlow(schemaName: string, distinguisher: string): bigint {
  return createHash("sha256").update(`${schemaName}\0${distinguisher}`).digest().readBigUInt64LE(0);
}

/** `handSize` different numbers below `deckSize`, of which `hash` is the only source. */
export function dealHand(hash: bigint, deckSize: number, handSize: number): Hand {
  const remainders: number[] = [];
  for (let i = 0, rest = hash; i < handSize; i++) {
    const left = BigInt(deckSize - i);
    remainders.push(Number(rest % left));
    rest /= left;
  }
  return remainders.map((remainder, i) => {
    let card = remainder;
    // what was dealt before is no longer in the deck
    for (let j = i - 1; j >= 0; j--) if (card >= remainders[j]!) card++;
    return card;
  });
}
