import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import * as q from "./quantity.ts";

test("canonicalQuantity writes the canonical form", () => {
  const table: Record<string, string> = {
    "0": "0",
    "0n": "0",
    "0Mi": "0",
    "-0": "0",
    "00.5": "500m",
    "0.5": "500m",
    "1.5": "1500m",
    "1.500": "1.500",
    "100m": "100m",
    "1000m": "1",
    "1024": "1024",
    "1024Ki": "1Mi",
    "1025Ki": "1025Ki",
    "1.5Gi": "1536Mi",
    "0.5Gi": "512Mi",
    "1.1Gi": "1181116006400m",
    "0.0001Ki": "102400u",
    "100Mi": "100Mi",
    "1000Mi": "1000Mi",
    "128974848": "128974848",
    "129e6": "129e6",
    "129M": "129M",
    "129000000": "129M",
    "1e3": "1e3",
    "1E3": "1E3",
    "1000E": "1e21",
    "1E": "1E",
    "0.1n": "1n",
    "1.1n": "2n",
    "-1.1n": "-2n",
    "9223372036854775807": "9223372036854775807",
    "9223372036854775808Ki": "9223372036854775807",
    "+5": "+5",
    "-5": "-5",
    "1000": "1k",
    "12345": "12345",
    "0.25": "250m",
    "1k": "1k",
    "1000k": "1M",
    "500Ki": "500Ki",
    "512Ki": "512Ki",
    "1023": "1023",
    "0.5Ki": "512",
    "8Ei": "9223372036854775807",
    "7Ei": "7Ei",
  };
  for (const [text, want] of Object.entries(table)) {
    assert.equal(q.canonicalQuantity(text), want, text);
  }
});

test("parseQuantity refuses what upstream refuses, in its words", () => {
  for (const text of ["", "abc", "1.1.1", "5Q", "1 Mi", "1x"]) {
    assert.throws(() => q.parseQuantity(text), /quantities must match the regular expression/, text);
  }
  for (const text of ["1mi", "1e", "1KiKi", "1i", "1e99999999"]) {
    assert.throws(() => q.parseQuantity(text), /unable to parse quantity's suffix/, text);
  }
});

test("quantityValue and quantityMilliValue round away from zero", () => {
  assert.equal(q.quantityValue(q.parseQuantity("1500m")), 2);
  assert.equal(q.quantityValue(q.parseQuantity("-1500m")), -2);
  assert.equal(q.quantityMilliValue(q.parseQuantity("0.1")), 100);
  assert.equal(q.quantityMilliValue(q.parseQuantity("1u")), 1);
  assert.equal(q.quantityValue(q.parseQuantity("1Gi")), 2 ** 30);
});

test("addQuantity takes the notation of the first that is not zero", () => {
  assert.equal(add("0", "1Gi"), "1Gi");
  assert.equal(add("1Gi", "1G"), "2073741824");
  assert.equal(add("512Mi", "512Mi"), "1Gi");
  assert.equal(add("100m", "900m"), "1");
  assert.equal(q.compareQuantity(q.parseQuantity("1Gi"), q.parseQuantity("1073741824")), 0);
  assert.equal(q.compareQuantity(q.parseQuantity("1G"), q.parseQuantity("1Gi")), -1);
});

test("formatQuantity loses nothing: reading it back gives the same amount", () => {
  const suffix = fc.constantFrom("", "n", "u", "m", "k", "M", "G", "Ki", "Mi", "Gi", "e3", "E-2");
  const text = fc.tuple(fc.integer({ min: -999_999, max: 999_999 }), fc.option(fc.nat(99)), suffix);
  fc.assert(
    fc.property(text, ([integer, fraction, end]) => {
      const first = q.parseQuantity(`${integer}${fraction === null ? "" : `.${fraction}`}${end}`);
      const canonical = q.formatQuantity({
        unscaled: first.unscaled,
        scale: first.scale,
        format: first.format,
      });
      const again = q.parseQuantity(canonical);
      assert.equal(q.compareQuantity(first, again), 0);
      assert.doesNotMatch(canonical, /\./);
      assert.equal(q.canonicalQuantity(canonical), canonical);
    }),
  );
});

function add(a: string, b: string): string {
  return q.formatQuantity(q.addQuantity(q.parseQuantity(a), q.parseQuantity(b)));
}

test("sameQuantities() compares amounts, not how they are written", () => {
  assert.equal(q.sameQuantities({ cpu: "1000m", memory: "1Ki" }, { memory: "1024", cpu: "1" }), true);
  assert.equal(q.sameQuantities({ cpu: "1" }, { memory: "1" }), false);
  assert.equal(q.sameQuantities({ cpu: "1" }, { cpu: "1", memory: "1" }), false);
  assert.equal(q.sameQuantities(undefined, {}), true);
});
