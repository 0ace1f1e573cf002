import assert from "node:assert/strict";
import { test } from "node:test";
import { generateName, safeEncodeString } from "./generate-name.ts";
import { percentageOf, scaledValueFromIntOrPercent } from "./int-or-string.ts";
import * as names from "./names.ts";
import { compareStrings } from "./text.ts";
import { quote } from "./quote.ts";

test("isDns1123Label explains in upstream's words", () => {
  assert.deepEqual(names.isDns1123Label("web-1"), []);
  assert.deepEqual(names.isDns1123Label("a.b"), ["must not contain dots"]);
  assert.deepEqual(names.isDns1123Label("Web"), [
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
  ]);
  assert.deepEqual(names.isDns1123Label("a".repeat(64)), ["must be no more than 63 characters"]);
});

test("names are accepted or refused by their rule", () => {
  const table: [names.NameRule, readonly string[], readonly string[]][] = [
    [names.isDns1123Subdomain, ["a", "a.b-c.1"], ["", "A", "a..b", "-a", "a_b", "a\n"]],
    [names.isDns1035Label, ["a", "a-1"], ["1a", "", "a.", "A"]],
    [names.isWildcardDns1123Subdomain, ["*.a.b"], ["*", "a.*", "*.*.a"]],
    [
      names.isQualifiedName,
      ["a", "A_b.c", "x.io/a"],
      ["", "/a", "x.io/", "a/b/c", "X/a", "-a", "a".repeat(64)],
    ],
    [names.isLabelValue, ["", "a", "A_b.c-1"], ["-", "a b", "a".repeat(64)]],
    [names.isPathSegmentName, ["", "system:node", "a b"], [".", "..", "a/b", "a%b"]],
    [names.isPortName, ["http", "h-1"], ["", "1", "a--b", "-a", "a-", "sixteen-letters-", "A"]],
    [names.isEnvVarName, ["A", "_a.b-c"], ["", "1a", "..", "..a", "a b"]],
    [names.isRelaxedEnvVarName, ["A", "1 a", "~"], ["", "a=b", "ä", "a\t"]],
    [names.isConfigMapKey, ["a", "A.b_c", "..data".slice(1)], ["", ".", "..", "..a", "a/b", "a".repeat(254)]],
    [names.isHttpHeaderName, ["X-A"], ["", "X_A", "X A"]],
    [names.isPercent, ["10%"], ["10", "%", "-1%"]],
    [names.isCIdentifier, ["a_1"], ["1a", ""]],
  ];
  for (const [rule, valid, wrong] of table) {
    for (const name of valid) assert.deepEqual(rule(name), [], name);
    for (const name of wrong) assert.notDeepEqual(rule(name), [], name);
  }
});

test("generateName appends five characters that spell no words", () => {
  assert.equal(
    generateName("web-", () => 0),
    "web-bbbbb",
  );
  assert.equal(generateName("a".repeat(80), () => 0.999).length, 63);
  assert.equal(
    safeEncodeString("7b6f9"),
    ["7", "b", "6", "f", "9"].map((c) => "bcdfghjklmnpqrstvwxz2456789"[c.codePointAt(0)! % 27]).join(""),
  );
});

test("scaledValueFromIntOrPercent scales percentages", () => {
  assert.equal(scaledValueFromIntOrPercent("25%", 10, true), 3);
  assert.equal(scaledValueFromIntOrPercent("25%", 10, false), 2);
  assert.equal(scaledValueFromIntOrPercent(4, 10, false), 4);
  assert.equal(percentageOf("x%"), undefined);
  assert.throws(
    () => scaledValueFromIntOrPercent("3", 10, true),
    /invalid value for IntOrString: invalid type: string is not a percentage/,
  );
});

test("compareStrings orders by UTF-8 bytes and quote quotes as Go", () => {
  assert.ok(compareStrings("\uFFFD", "😀") < 0);
  assert.ok(compareStrings("a", "ab") < 0);
  assert.equal(quote('a"b\\\n\u0001é\u00a0😀'), String.raw`"a\"b\\\n\x01é\u00a0😀"`);
});
