import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { LruMap } from "./lru.ts";

test("LruMap remembers what was used last, and as much as it may", () => {
  const operation = fc.record({ key: fc.integer({ min: 0, max: 6 }), isGet: fc.boolean() });
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 60 }), fc.integer({ min: 1, max: 4 }), (operations, max) => {
      const map = new LruMap<number, number>(max);
      /** The latest last. */
      let model: (readonly [number, number])[] = [];
      for (const [i, { key, isGet }] of operations.entries()) {
        const found = model.find(([own]) => own === key);
        if (isGet) assert.equal(map.get(key), found?.[1]);
        else map.set(key, i);
        if (isGet && found === undefined) continue;
        model = [...model.filter(([own]) => own !== key), [key, isGet ? found![1] : i] as const].slice(-max);
      }
      for (const [key, value] of model) assert.equal(map.get(key), value);
    }),
  );
});
