/** What stands on a device is told from nothing. @module */
import assert from "node:assert/strict";
import { test } from "node:test";
import { formatOf } from "./format-device.ts";

const CASES = [
  ["DEVNAME=/dev/loop3\nTYPE=ext4\n", "ext4"],
  ["DEVNAME=/dev/loop3\nTYPE=xfs\nPTTYPE=dos\n", "unknown data, probably partitions"],
  ["DEVNAME=/dev/sdb\nPTTYPE=gpt\n", "unknown data, probably partitions"],
  ["DEVNAME=/dev/sdb\n", ""],
  ["", ""],
] as const;
for (const [text, format] of CASES) {
  test(`formatOf() reads ${JSON.stringify(text)}`, () => assert.equal(formatOf(text), format));
}
