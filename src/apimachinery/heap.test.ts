import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Heap } from "./heap.ts";

test("Heap gives elements in order, without those that were removed", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.integer(), fc.boolean())), (entries) => {
      const items = entries.map(([value, isRemoved]) => ({ value, isRemoved }));
      const heap = new Heap<{ readonly value: number; readonly isRemoved: boolean }>(
        (a, b) => a.value < b.value,
      );
      for (const item of items) heap.push(item);
      for (const item of items) if (item.isRemoved) assert.equal(heap.remove(item), true);
      for (const item of items) if (item.isRemoved) assert.equal(heap.remove(item), false);
      const kept = items.filter(({ isRemoved }) => !isRemoved).map(({ value }) => value);
      assert.equal(heap.size, kept.length);
      const given: number[] = [];
      while (heap.size > 0) given.push(heap.pop()!.value);
      assert.deepEqual(
        given,
        kept.toSorted((a, b) => a - b),
      );
    }),
  );
});

test("Heap.clear() leaves nothing", () => {
  const heap = new Heap<number>((a, b) => a < b);
  heap.push(1);
  heap.clear();
  assert.equal(heap.peek(), undefined);
  assert.equal(heap.remove(1), false);
});
