import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock, StatusError } from "#apimachinery";
import { defaultLimits } from "../options.ts";
import { anonymousUser } from "../user-info.ts";
import type { Exchange } from "./exchange.ts";
import { HttpRequest } from "./http-request.ts";
import { InFlight } from "./in-flight.ts";

const exchange = {
  method: "GET",
  headers: {},
  credentials: { headers: {} },
  onGone: () => {},
} as unknown as Exchange;
const request = (): HttpRequest =>
  new HttpRequest(exchange, { path: "/", query: new URLSearchParams() }, anonymousUser, 1);

test("InFlight refuses more than its bound, by kind, until one leaves", () => {
  const inFlight = new InFlight(new FakeClock(0), {
    ...defaultLimits,
    inFlightMax: 2,
    mutatingInFlightMax: 1,
  });
  const enter = (isMutating: boolean): (() => void) =>
    inFlight.enter(request(), { isMutating, timeoutMs: 60_000, onExpired: () => {} });
  const leave = enter(false);
  enter(false);
  enter(true);
  for (const isMutating of [false, true]) {
    assert.throws(
      () => enter(isMutating),
      (err) => err instanceof StatusError && err.code === 429 && err.details?.retryAfterSeconds === 1,
    );
  }
  leave();
  leave();
  enter(false);
  assert.equal(inFlight.readOnly, 2);
});

test("InFlight expires requests that are over their time", () => {
  const clock = new FakeClock(0);
  const inFlight = new InFlight(clock, { ...defaultLimits, requestTimeoutMs: 10_000 });
  const expired: string[] = [];
  const first = request();
  const enter = (one: HttpRequest, name: string, timeoutMs = 10_000): (() => void) =>
    inFlight.enter(one, { isMutating: false, timeoutMs, onExpired: () => void expired.push(name) });
  enter(first, "first");
  clock.advance(5_000);
  const leave = enter(request(), "second");
  clock.advance(6_000);
  assert.deepEqual(expired, ["first"]);
  assert.equal(first.signal.aborted, true);
  leave();
  clock.advance(60_000);
  assert.equal(expired.includes("second"), false);
  const hasty = request();
  enter(hasty, "hasty", 300);
  enter(request(), "done", 300)();
  clock.advance(299);
  assert.equal(hasty.signal.aborted, false);
  clock.advance(1);
  assert.deepEqual(expired, ["first", "hasty"], "a request may ask for less time, to the millisecond");
  clock.advance(60_000);
  assert.deepEqual(expired, ["first", "hasty"]);
});

test("InFlight without limits counts and times alone, and a limit of 0 is none", () => {
  const limits = { ...defaultLimits, inFlightMax: 1, mutatingInFlightMax: 0 };
  for (const [isLimited, isMutating] of [
    [false, false],
    [true, true],
  ] as const) {
    const inFlight = new InFlight(new FakeClock(0), limits, isLimited);
    const enter = { isMutating, timeoutMs: 60_000, onExpired: (): void => {} };
    inFlight.enter(request(), enter);
    inFlight.enter(request(), enter);
    assert.equal(inFlight.readOnly + inFlight.mutating, 2);
  }
});
