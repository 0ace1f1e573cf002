/** Randomness that nobody can guess: what uids and generated names are made of. @module */
import { randomFillSync } from "node:crypto";

const POOL_SIZE = 1024;

const pool = new Uint32Array(POOL_SIZE);
let poolAt = POOL_SIZE;

/** Uniform in [0, 1), 32 bits at a time from a buffer that the system fills. */
export function cryptoRandom(): number {
  if (poolAt >= pool.length) {
    randomFillSync(pool);
    poolAt = 0;
  }
  return pool[poolAt++]! / 0x1_0000_0000;
}
