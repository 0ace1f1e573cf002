import assert from "node:assert/strict";
import { test } from "node:test";
import { ChangeRing } from "./change-ring.ts";
import type { Change } from "./store.ts";

function change(key: string, revision: number): Change {
  return { key, revision, value: Buffer.from(`${key}${revision}`), previous: undefined };
}

test("ChangeRing.last() is the latest change of a key, as long as it is held", () => {
  const ring = new ChangeRing({ changesMax: 3, bytesMax: 1_000_000 }, 0);
  const changes = [change("a", 1), change("b", 2), change("a", 3), change("c", 4)];
  for (const each of changes) ring.push([each]);
  assert.equal(ring.last("a"), changes[2]);
  assert.equal(ring.last("b"), changes[1]);
  ring.forget(2);
  assert.equal(ring.last("b"), undefined);
  assert.equal(ring.last("a"), changes[2]);
  ring.push([change("d", 5), change("e", 6)]);
  assert.equal(ring.last("a"), undefined);
  assert.equal(ring.last("c"), changes[3]);
});
