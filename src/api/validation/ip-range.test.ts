import assert from "node:assert/strict";
import { test } from "node:test";
import { canonicalIp, isInRange, nthIp, overlap, parseIpRange, parseIpRanges } from "./ip-range.ts";

const range = (cidr: string): NonNullable<ReturnType<typeof parseIpRange>> => parseIpRange(cidr)!;

test("parseIpRange cuts what is beyond the prefix, in both families", () => {
  assert.equal(range("10.96.3.4/12").cidr, "10.96.0.0/12");
  assert.equal(range("FD00:10:96::7/112").cidr, "fd00:10:96::/112");
  assert.equal(range("::/0").size, 1n << 128n);
  for (const text of ["10.0.0.0", "10.0.0.0/33", "fd00::/129", "x/8"])
    assert.equal(parseIpRange(text), undefined);
});

test("parseIpRanges names what is no range", () => {
  assert.deepEqual(
    parseIpRanges("10.96.0.0/12, fd00::/108").map(({ family }) => family),
    ["IPv4", "IPv6"],
  );
  assert.throws(() => parseIpRanges("10.96.0.0/12,fd00"), /invalid CIDR address: fd00/);
});

test("nthIp counts from the network's own address", () => {
  assert.equal(nthIp(range("10.96.0.0/12"), 10), "10.96.0.10");
  assert.equal(nthIp(range("fd00:10:96::/112"), 10), "fd00:10:96::a");
});

test("isInRange and overlap tell the families apart", () => {
  assert.equal(isInRange("fd00::ffff", range("fd00::/112")), true);
  assert.equal(isInRange("fd00::1:0", range("fd00::/112")), false);
  assert.equal(isInRange("10.0.0.1", range("::/0")), false);
  assert.equal(overlap(range("10.0.0.0/8"), range("10.96.0.0/12")), true);
  assert.equal(overlap(range("fd00::/64"), range("fd00:0:0:1::/64")), false);
  assert.equal(overlap(range("0.0.0.0/0"), range("::/0")), false);
});

test("canonicalIp gives one notation for each address", () => {
  assert.equal(canonicalIp("FD00:0::05"), "fd00::5");
  assert.equal(canonicalIp("None"), "None");
});
