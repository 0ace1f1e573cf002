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
  const leave = inFlight.enter(request(), false, () => {});
  inFlight.enter(request(), false, () => {});
  inFlight.enter(request(), true, () => {});
  for (const isMutating of [false, true]) {
    assert.throws(
      () => inFlight.enter(request(), isMutating, () => {}),
      (err) => err instanceof StatusError && err.code === 429 && err.details?.retryAfterSeconds === 1,
    );
  }
  leave();
  leave();
  inFlight.enter(request(), false, () => {});
  assert.equal(inFlight.readOnly, 2);
});

test("InFlight expires requests that are over their time", () => {
  const clock = new FakeClock(0);
  const inFlight = new InFlight(clock, { ...defaultLimits, requestTimeoutMs: 10_000 });
  const expired: string[] = [];
  const first = request();
  inFlight.enter(first, false, () => void expired.push("first"));
  clock.advance(5_000);
  const leave = inFlight.enter(request(), false, () => void expired.push("second"));
  clock.advance(6_000);
  assert.deepEqual(expired, ["first"]);
  assert.equal(first.signal.aborted, true);
  leave();
  clock.advance(60_000);
  assert.equal(expired.includes("second"), false);
});
