import assert from "node:assert/strict";
import { test } from "node:test";
import { parseEvictionHard } from "./eviction-hard.ts";

test("parseEvictionHard() reads upstream's signals", () => {
  assert.deepEqual(parseEvictionHard("memory.available<100Mi,nodefs.available<10%,nodefs.inodesFree<5%"), {
    memoryAvailableBytes: 100 * 2 ** 20,
    fsAvailable: 0.1,
    fsInodesFree: 0.05,
  });
});

for (const text of ["disk<1%", "nodefs.available<1Gi", "memory.available<some", "nodefs.available<120%"]) {
  test(`parseEvictionHard() refuses ${text}`, () => {
    assert.throws(() => parseEvictionHard(text), /signal|needs a/);
  });
}
