import assert from "node:assert/strict";
import { test } from "node:test";
import { requestInfo } from "./request-info.ts";
import { isLongRunning, timeoutOf } from "./request-timeout.ts";

const TIMEOUTS: readonly [string, number][] = [
  ["", 60_000],
  ["timeout=", 60_000],
  ["timeout=5s", 5_000],
  ["timeout=1500ms", 1_500],
  ["timeout=0s", 60_000],
  ["timeout=-3s", 60_000],
  ["timeout=2m", 60_000],
];
for (const [query, expected] of TIMEOUTS) {
  test(`timeoutOf ?${query} is ${expected} ms`, () => {
    assert.equal(timeoutOf(new URLSearchParams(query), 60_000), expected);
  });
}

test("timeoutOf refuses what is no duration, in upstream's words", () => {
  assert.throws(() => timeoutOf(new URLSearchParams("timeout=soon"), 60_000), {
    code: 400,
    message: 'invalid timeout specified in the request URL - time: invalid duration "soon"',
  });
});

function ask(path: string, query = ""): boolean {
  return isLongRunning(requestInfo("GET", path, new URLSearchParams(query)));
}

test("isLongRunning tells what lasts as long as its client likes", () => {
  const pod = "/api/v1/namespaces/default/pods/a";
  assert.equal(ask("/api/v1/pods", "watch=true"), true);
  for (const sub of ["log", "exec", "attach", "portforward", "proxy"])
    assert.equal(ask(`${pod}/${sub}`), true);
  assert.equal(ask(pod), false);
  assert.equal(ask("/api/v1/pods"), false);
  assert.equal(ask("/healthz"), false);
});
