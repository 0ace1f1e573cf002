/** Objects of every kind, from what is known of its fields: mostly of the right shape, here and there hostile. @module */
import fc from "fast-check";
import type { Schema, Scalar, StructSchema } from "#apimachinery";

/** Draws from an arbitrary: what `fc.gen()` hands out. */
export type Draw = <T>(arbitrary: () => fc.Arbitrary<T>) => T;

/** Types are recursive: a value ends here. */
const DEPTH_MAX = 7;
const BAD_IN = 40;

export const NAMES: readonly string[] = [
  "a",
  "kept",
  "web-1",
  "x".repeat(63),
  "x".repeat(254),
  "A_b",
  "-a",
  "a..b",
  "",
  "ünïcode",
  "a/b",
  "..",
  "%2e",
];
const PROTOTYPES = ["__proto__", "constructor", "prototype", "toString", "hasOwnProperty", "valueOf", "then"];
const NUMBERS = [
  0, 1, -1, 80, 65_536, 2_147_483_647, 2_147_483_648, -2_147_483_649, 9.5, 1e21, 1e308, -0,
  9_007_199_254_740_992,
];
export const TEXTS: readonly string[] = [
  "",
  "a",
  "true",
  "0",
  "null",
  "\u0000",
  "\ud800",
  "\u202e",
  "a".repeat(2_000),
  "💥",
  "{{.}}",
  "../../etc/passwd",
  "(a+)+$",
  "*",
];
const QUANTITIES = [
  "1",
  "100m",
  "1Gi",
  "-1",
  "1e3",
  "1e999999",
  "0.0000000001",
  "abc",
  "1GiB",
  "9".repeat(40),
];
const TIMES = [
  "2026-01-02T03:04:05Z",
  "2026-01-02T03:04:05.123456Z",
  "0001-01-01T00:00:00Z",
  "yesterday",
  "9999999-01-01T00:00:00Z",
];

const SCALARS: Readonly<Record<Scalar, readonly unknown[]>> = {
  string: [...NAMES, ...TEXTS, "Always", "ClusterIP", "TCP", "v1", "Pod", "apps/v1", "127.0.0.1", "a=b"],
  boolean: [true, false],
  int32: NUMBERS,
  int64: NUMBERS,
  double: NUMBERS,
  bytes: ["", "YQ==", "not base64!", "====", "YQ"],
  quantity: [...QUANTITIES, 1, 0.5],
  time: TIMES,
  microTime: TIMES,
  duration: ["1s", "1h30m", "-1s", "forever", "99999999999h"],
  intOrString: [...NUMBERS, "http", "50%", "-5%", "101%"],
};

export function objectOf(draw: Draw, schema: StructSchema, depth = 0): Record<string, unknown> {
  const out: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
  const density = Math.max(2, depth * 3);
  for (const field of schema.fields.values()) {
    const isLikely = depth === 0 ? field.name !== "status" : oneIn(draw, density);
    if (isLikely)
      out[field.name] = oneIn(draw, BAD_IN) ? hostile(draw) : valueOf(draw, field.schema, depth + 1);
  }
  if (oneIn(draw, BAD_IN)) out[pick(draw, [...PROTOTYPES, "unknownField", "metadata"])] = hostile(draw);
  return out;
}

function valueOf(draw: Draw, schema: Schema, depth: number): unknown {
  switch (schema.type) {
    case "struct":
      return depth > DEPTH_MAX ? {} : objectOf(draw, schema, depth);
    case "list":
      return Array.from({ length: count(draw, depth) }, () => valueOf(draw, schema.items, depth + 1));
    case "map": {
      const keys = Array.from({ length: count(draw, depth) }, () =>
        pick(draw, [...NAMES, ...PROTOTYPES, "cpu", "app"]),
      );
      return Object.fromEntries(keys.map((key) => [key, valueOf(draw, schema.values, depth + 1)]));
    }
    case "untyped":
      return hostile(draw);
    case "scalar":
    default:
      return pick(draw, SCALARS[schema.scalar]);
  }
}

/** A value of any type where another one is wanted. */
export function hostile(draw: Draw): unknown {
  const n = below(draw, 8);
  if (n === 0) return nested(below(draw, 400), draw);
  if (n === 1) return draw(() => fc.jsonValue({ maxDepth: 3 }));
  if (n === 2) return pick(draw, NUMBERS);
  if (n === 3) return null;
  if (n === 4) return [[], [null], {}, [{}]][below(draw, 4)];
  return pick(draw, TEXTS);
}

function nested(depth: number, draw: Draw): unknown {
  let value: unknown = "bottom";
  const isList = oneIn(draw, 2);
  for (let i = 0; i < depth; i++) value = isList ? [value] : { a: value };
  return value;
}

export function below(draw: Draw, limit: number): number {
  return draw(() => fc.nat(limit - 1));
}

export function oneIn(draw: Draw, n: number): boolean {
  return below(draw, n) === 0;
}

export function pick<T>(draw: Draw, values: readonly T[]): T {
  return values[below(draw, values.length)]!;
}

function count(draw: Draw, depth: number): number {
  return depth > DEPTH_MAX ? 0 : below(draw, 3);
}
