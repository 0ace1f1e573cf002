import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { allocateSeats, type SeatClaim } from "./allocate-seats.ts";

const claim = (lowerBound: number, target: number, upperBound: number): SeatClaim => ({
  lowerBound,
  target,
  upperBound,
});

const CASES: readonly [string, number, SeatClaim[], number[] | undefined][] = [
  ["nothing to divide", 0, [claim(0, 5, 10)], [0]],
  ["in proportion", 30, [claim(0, 10, 100), claim(0, 20, 100)], [10, 20]],
  ["a lower bound holds", 30, [claim(20, 20, 100), claim(0, 100, 100)], [20, 10]],
  ["an upper bound holds", 30, [claim(0, 20, 5), claim(0, 20, 100)], [5, 25]],
  ["only lower bounds", 30, [claim(10, 50, 100), claim(20, 50, 100)], [10, 20]],
  ["only upper bounds", 30, [claim(0, 1, 10), claim(0, 1, 20)], [10, 20]],
  ["nobody wants any", 10, [claim(0, 0, 100), claim(0, 0, 100)], [5, 5]],
  ["too little", 10, [claim(11, 11, 20)], undefined],
  ["too much", 30, [claim(0, 1, 20)], undefined],
  ["a target below its bound", 30, [claim(10, 5, 40)], undefined],
];

for (const [name, total, claims, expected] of CASES) {
  test(`allocateSeats: ${name}`, () => {
    const seats = allocateSeats(total, claims)?.seats.map((n) => Math.round(n * 1e6) / 1e6);
    assert.deepEqual(seats, expected);
  });
}

test("allocateSeats gives out all seats within all bounds, each the fair fraction unless a bound holds", () => {
  const one = fc
    .record({ low: fc.nat(50), wants: fc.nat(200), room: fc.nat(300) })
    .map(({ low, wants, room }) => claim(low, low + wants, low + room));
  const problem = fc.array(one, { minLength: 1, maxLength: 8 }).chain((claims) => {
    const low = claims.reduce((n, c) => n + c.lowerBound, 0);
    const high = claims.reduce((n, c) => n + c.upperBound, 0);
    return fc.record({ claims: fc.constant(claims), total: fc.integer({ min: low, max: high }) });
  });
  fc.assert(
    fc.property(problem, ({ claims, total }) => {
      const { seats, fairFraction } = allocateSeats(total, claims)!;
      const near = (a: number, b: number): boolean => Math.abs(a - b) < 1e-6 * Math.max(1, total);
      assert.ok(
        near(
          seats.reduce((a, b) => a + b, 0),
          total,
        ),
        `${seats.join()} is not ${total}`,
      );
      for (const [i, { lowerBound, upperBound, target }] of claims.entries()) {
        const got = seats[i]!;
        assert.ok(got >= lowerBound && got <= upperBound);
        const fair = fairFraction * Math.max(target, 0.001);
        const isBound =
          (near(got, lowerBound) && fair <= got + 1e-6) || (near(got, upperBound) && fair >= got - 1e-6);
        assert.ok(total === 0 || near(got, fair) || isBound);
      }
    }),
  );
});
