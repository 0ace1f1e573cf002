import assert from "node:assert/strict";
import { test } from "node:test";
import { parseCidr, parseIp, validCidr, validIp, validIpLegacy } from "./ip.ts";

test("parseIp gives the canonical form", () => {
  const cases: readonly (readonly [string, string | undefined])[] = [
    ["10.0.0.1", "10.0.0.1"],
    ["2001:DB8:0:0:0:0:0:1", "2001:db8::1"],
    ["::", "::"],
    ["::1", "::1"],
    ["1::", "1::"],
    ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
    ["1:0:0:2:0:0:0:3", "1:0:0:2::3"],
    ["64:ff9b::1.2.3.4", "64:ff9b::102:304"],
    ["256.0.0.1", undefined],
    ["1.2.3", undefined],
    ["1::2::3", undefined],
    ["1:2:3:4:5:6:7:8:9", undefined],
    ["::12345", undefined],
    ["", undefined],
  ];
  for (const [text, canonical] of cases) assert.equal(parseIp(text)?.canonical, canonical, text);
});

const messages = (text: string): readonly string[] => validIp(text, "ip").map((c) => c.message);

test("validIp wants new fields canonical, validIpLegacy old ones only strict", () => {
  assert.deepEqual(messages("2001:db8::1"), []);
  assert.deepEqual(messages("2001:DB8::1"), [
    'Invalid value: "2001:DB8::1": must be in canonical form ("2001:db8::1")',
  ]);
  assert.deepEqual(validIpLegacy("2001:DB8::1", "ip"), []);
  assert.equal(
    validIpLegacy("010.0.0.1", "ip")[0]?.message,
    'Invalid value: "010.0.0.1": must not have leading 0s',
  );
  assert.deepEqual(validIpLegacy("010.0.0.1", "ip", ["010.0.0.1"]), []);
  assert.equal(validIpLegacy("::ffff:1.2.3.4", "ip").length, 1);
});

test("parseCidr and validCidr know prefixes and the bits after them", () => {
  assert.equal(parseCidr("10.0.0.0/8")?.aligned, true);
  assert.equal(parseCidr("10.0.0.1/8")?.aligned, false);
  assert.equal(parseCidr("10.0.0.0/33"), undefined);
  assert.equal(parseCidr("2001:db8::/64")?.prefixLength, 64);
  assert.equal(
    validCidr("10.0.0.1/8", "c")[0]?.message,
    'Invalid value: "10.0.0.1/8": must not have bits set beyond the prefix length',
  );
  assert.deepEqual(validCidr("10.0.0.0/8", "c"), []);
});
