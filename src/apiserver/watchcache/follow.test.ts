/** Who follows a resource goes on past objects that cannot be read. @module */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { ObjectLayout } from "./cached-object.ts";
import { CachedObject } from "./cached-object.ts";
import { follow } from "./follow.ts";
import { ResourceCache } from "./resource-cache.ts";
import { unreadableValue } from "./unreadable.ts";

const layout: ObjectLayout = { head: new Uint8Array(), selectableFields: {}, freeze: true };
const value = (name: string): Buffer =>
  Buffer.from(JSON.stringify({ kind: "Role", apiVersion: "v1", metadata: { name } }));
const LOST = unreadableValue("no key");

interface Followed {
  readonly cache: ResourceCache;
  readonly told: string[];
  readonly stop: () => void;
}

function followed(stored: Readonly<Record<string, Buffer>>): Followed {
  const cache = new ResourceCache({ layout, historyMax: 100 }, 1);
  for (const [key, bytes] of Object.entries(stored)) cache.load(new CachedObject(key, 1, bytes, layout));
  const told: string[] = [];
  const controller = new AbortController();
  follow(cache, { withInitial: true, signal: controller.signal }, (changes) => {
    for (const { object, isDeleted } of changes)
      told.push(`${isDeleted ? "-" : "+"}${object.object.metadata.name}`);
  });
  return { cache, told, stop: () => controller.abort() };
}

function change(cache: ResourceCache, key: string, revision: number, bytes: Buffer | undefined): void {
  cache.apply(key, { key, revision, value: bytes, previous: undefined }, undefined);
}

test("follow() leaves out what cannot be read at first, and tells of it when it can", () => {
  const { cache, told } = followed({ a: LOST, b: value("b") });
  assert.deepEqual(told, ["+b"]);
  change(cache, "a", 2, value("a"));
  assert.deepEqual(told, ["+b", "+a"]);
});

test("follow() goes on after an object that became unreadable, which stays as it was known", () => {
  const { cache, told } = followed({ a: value("a") });
  change(cache, "a", 2, LOST);
  change(cache, "b", 3, value("b"));
  change(cache, "a", 4, LOST);
  change(cache, "b", 5, undefined);
  assert.deepEqual(told, ["+a", "+b", "-b"]);
});

test("follow() tells of the end of an unreadable object that it knew, and of no other", () => {
  const { cache, told } = followed({ a: value("a"), never: LOST });
  change(cache, "a", 2, LOST);
  change(cache, "never", 3, undefined);
  change(cache, "a", 4, undefined);
  change(cache, "c", 5, value("c"));
  assert.deepEqual(told, ["+a", "-a", "+c"]);
});

test("follow() ends with its signal", () => {
  const { cache, told, stop } = followed({});
  stop();
  change(cache, "a", 2, value("a"));
  assert.deepEqual(told, []);
  assert.equal(cache.watcherCount, 0);
});
