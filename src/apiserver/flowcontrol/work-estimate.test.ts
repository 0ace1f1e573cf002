import assert from "node:assert/strict";
import { test } from "node:test";
import { requestInfo } from "../http/request-info.ts";
import { WatchTracker } from "./watch-tracker.ts";
import { estimateWork, seatsOf, type ObjectStats } from "./work-estimate.ts";

const PODS = "/api/v1/namespaces/ns/pods";
const MANY: ObjectStats = { count: 1_000, averageBytes: 2_000 };

const LISTS: readonly [string, string, ObjectStats | undefined, number, number][] = [
  ["an unknown resource", PODS, undefined, 0, 1],
  ["few objects", PODS, { count: 10, averageBytes: 2_000 }, 0, 1],
  ["many objects, streamed from memory", PODS, MANY, 0, 10],
  ["a page of them", `${PODS}?limit=100`, MANY, 0, 2],
  ["no more than the level allows", PODS, MANY, 4, 4],
  ["one object by name", `${PODS}?fieldSelector=metadata.name%3Da`, MANY, 0, 1],
  [
    "an exact version, not from the cache",
    `${PODS}?resourceVersion=5&resourceVersionMatch=Exact`,
    MANY,
    0,
    20,
  ],
  [
    "half of all behind a selector, not from the cache",
    `${PODS}?limit=10&resourceVersion=5&labelSelector=a`,
    MANY,
    0,
    10,
  ],
  ["a later page", `${PODS}?limit=500&continue=x`, MANY, 0, 10],
  ["a watch from now", `${PODS}?watch=true&resourceVersion=5`, MANY, 0, 1],
  [
    "a watch that sends what there is",
    `${PODS}?watch=true&sendInitialEvents=true&resourceVersion=5`,
    MANY,
    0,
    10,
  ],
  ["a watch from anywhere", `${PODS}?watch=true`, MANY, 0, 10],
  ["a limit that is none", `${PODS}?limit=x`, MANY, 7, 7],
  ["one object", `${PODS}/a`, MANY, 0, 1],
  ["no resource", "/healthz", MANY, 0, 1],
];
for (const [name, target, stats, seatsMax, expected] of LISTS) {
  test(`estimateWork: ${name} is ${expected} seats`, () => {
    const [path = "", search = ""] = target.split("?");
    const query = new URLSearchParams(search);
    const facts = { seatsMax, objectStats: () => stats, watchCount: () => 0 };
    assert.equal(seatsOf(estimateWork(requestInfo("GET", path, query), query, facts)), expected);
  });
}

const WRITES: readonly [string, string, number, number, readonly [number, number]][] = [
  ["POST", PODS, 9, 0, [0, 0]],
  ["POST", PODS, 25, 0, [3, 5]],
  ["DELETE", `${PODS}/a`, 1_000, 0, [10, 50]],
  ["PATCH", `${PODS}/a`, 100, 2, [2, 25]],
  ["POST", "/api/v1/namespaces/ns/serviceaccounts/a/token", 100, 0, [0, 0]],
];
for (const [method, path, watches, seatsMax, [finalSeats, additionalLatencyMs]] of WRITES) {
  test(`estimateWork: ${method} ${path} with ${watches} watches keeps ${finalSeats} seats for ${additionalLatencyMs} ms`, () => {
    const query = new URLSearchParams();
    const facts = { seatsMax, objectStats: () => MANY, watchCount: () => watches };
    assert.deepEqual(estimateWork(requestInfo(method, path, query), query, facts), {
      initialSeats: 1,
      finalSeats,
      additionalLatencyMs,
    });
  });
}

test("WatchTracker counts the watches that see a change", () => {
  const tracker = new WatchTracker();
  const watch = (path: string, search = ""): (() => void) => {
    const query = new URLSearchParams(`watch=true&${search}`);
    return tracker.register(requestInfo("GET", path, query), query);
  };
  const interested = (path: string): number =>
    tracker.interested(requestInfo("PUT", path, new URLSearchParams()));
  const forget = [
    watch("/api/v1/pods"),
    watch(PODS),
    watch("/api/v1/namespaces/other/pods"),
    watch(`/api/v1/watch/namespaces/ns/pods/a`),
    watch("/api/v1/pods", "fieldSelector=spec.nodeName%3Dnode"),
    watch("/api/v1/pods", "fieldSelector=spec.nodeName%3D"),
  ];
  assert.equal(interested(`${PODS}/a`), 4);
  assert.equal(interested(`${PODS}/b`), 3);
  assert.equal(interested("/api/v1/namespaces/ns/configmaps/a"), 0);
  for (const one of forget) one();
  assert.equal(interested(`${PODS}/a`), 0);
});
