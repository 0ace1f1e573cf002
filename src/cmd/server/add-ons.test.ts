import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock, forbidden, silentLogger } from "#apimachinery";
import { ensureAddOns, keepTrying, type AddOn } from "./add-ons.ts";

const SERVICES = { group: "", resource: "services" };

/** Refused so many times, then made. */
function addOn(what: string, refusals: number): AddOn & { readonly tries: () => number } {
  let tries = 0;
  return {
    what,
    tries: () => tries,
    async ensure() {
      tries += 1;
      if (tries <= refusals) throw forbidden(SERVICES, what, "nobody has said that it may");
    },
  };
}

test("ensureAddOns() tries all, and gives those that failed", async () => {
  const told: unknown[] = [];
  const logger = {
    ...silentLogger,
    warn: (_message: string, fields?: { readonly what?: unknown }) => void told.push(fields?.what),
  };
  const all = [addOn("a", 1), addOn("b", 0), addOn("c", 2)];
  const left = await ensureAddOns(all, logger, new AbortController().signal);
  assert.deepEqual(left, [all[0], all[2]]);
  assert.deepEqual(told, ["a", "c"]);
});

test("keepTrying() waits longer each time, and ends when all are there", async () => {
  const one = addOn("a", 3);
  const waits: number[] = [];
  class EagerClock extends FakeClock {
    override sleep(ms: number): Promise<void> {
      waits.push(ms);
      return Promise.resolve();
    }
  }
  await keepTrying([one], { clock: new EagerClock(), logger: silentLogger }, new AbortController().signal);
  assert.deepEqual([waits, one.tries()], [[1000, 2000, 4000, 8000], 4]);
});

test("keepTrying() ends with its signal", async () => {
  const stop = new AbortController();
  const one = addOn("a", 10);
  const kept = keepTrying([one], { clock: new FakeClock(), logger: silentLogger }, stop.signal);
  stop.abort();
  await kept;
  assert.equal(one.tries(), 0);
});
