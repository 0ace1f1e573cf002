import assert from "node:assert/strict";
import test from "node:test";
import { showSize } from "./image.ts";

const SIZES: readonly [bytes: number, shown: string][] = [
  [0, "0B"],
  [844, "844B"],
  [1_000, "1.00kB"],
  [1_062_345, "1.06MB"],
  [42_600_000, "42.6MB"],
  [683_000, "683kB"],
  [5_120_000_000, "5.12GB"],
];
for (const [bytes, shown] of SIZES) {
  test(`showSize of ${bytes} bytes is ${shown}`, () => assert.equal(showSize(bytes), shown));
}
