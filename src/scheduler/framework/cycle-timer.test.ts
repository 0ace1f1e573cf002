import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock } from "#apimachinery";
import { always, codeOf, CycleTimer, timed, timedLater, timedPlugin } from "./cycle-timer.ts";

function newTimer() {
  const clock = new FakeClock();
  const seen: string[] = [];
  const sink = {
    inc: () => undefined,
    set: () => undefined,
    observe(name: string, labels: Readonly<Record<string, string>>, value: number) {
      const what = name.includes("plugin") ? "plugin" : "point";
      seen.push(`${what} ${labels["extension_point"]} ${labels["status"]} ${value}`);
    },
  };
  return { timer: new CycleTimer(sink, clock, "default-scheduler"), clock, seen };
}

function fail(): never {
  return assert.fail("no");
}

test("timed() and timedPlugin() tell how long it took and what came of it", () => {
  const { timer, clock, seen } = newTimer();
  const refusal = timed(timer, "Reserve", codeOf, () =>
    timedPlugin(timer, "Reserve", "P", codeOf, () => {
      clock.advance(500);
      return { code: "Unschedulable" };
    }),
  );
  assert.equal(refusal.code, "Unschedulable");
  assert.deepEqual(seen, ["plugin Reserve Unschedulable 0.5", "point Reserve Unschedulable 0.5"]);
});

test("timed() and timedLater() count what is thrown as an error", async () => {
  const { timer, seen } = newTimer();
  assert.throws(() => timed(timer, "Filter", always("Success"), fail), /no/);
  await assert.rejects(
    timedLater(timer, "Bind", always("Success"), async () => fail()),
    /no/,
  );
  assert.deepEqual(seen, ["point Filter Error 0", "point Bind Error 0"]);
});
