import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { findDuplicateFields, parseJson } from "./json.ts";
import { scanJson } from "./json-scanner.ts";

test("parseJson fails with the messages of Go's decoder", () => {
  const table: Record<string, string> = {
    "": "unexpected end of JSON input",
    "{": "unexpected end of JSON input",
    x: "invalid character 'x' looking for beginning of value",
    "{a": "invalid character 'a' looking for beginning of object key string",
    '{"a" 1}': "invalid character '1' after object key",
    '{"a":1 "b"}': `invalid character '"' after object key:value pair`,
    "[1 2]": "invalid character '2' after array element",
    "{} x": "invalid character 'x' after top-level value",
    tru3: "invalid character '3' in literal true (expecting 'e')",
    "-x": "invalid character 'x' in numeric literal",
    "1.x": "invalid character 'x' after decimal point in numeric literal",
    "1ex": "invalid character 'x' in exponent of numeric literal",
    "01": "invalid character '1' after top-level value",
    '"\\x"': "invalid character 'x' in string escape code",
    '"\\u00zz"': String.raw`invalid character 'z' in \u hexadecimal character escape`,
    '"a\nb"': String.raw`invalid character '\n' in string literal`,
    "[1,]": "invalid character ']' looking for beginning of value",
    "'a'": String.raw`invalid character '\'' looking for beginning of value`,
  };
  for (const [text, message] of Object.entries(table)) {
    assert.throws(() => parseJson(text), { name: "JsonSyntaxError", message }, text);
  }
  assert.throws(() => parseJson("[".repeat(2000) + "]".repeat(2000)), /exceeded max depth/);
  assert.throws(() => parseJson("[".repeat(200_000)), { name: "JsonSyntaxError" });
});

test("findDuplicateFields names the paths", () => {
  const text = '{"a":1,"b":[{"c":"x:\\"y","c":2}],"a":{"d":":"},"e":{"a":1}}';
  assert.deepEqual(findDuplicateFields(text, parseJson(text)), ["b[0].c", "a"]);
  assert.deepEqual(findDuplicateFields('{"a":{"a":1}}', { a: { a: 1 } }), []);
});

test("findDuplicateFields and the scanner accept all that JSON.stringify writes", () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 4 }), fc.constantFrom(undefined, 2), (value, indent) => {
      const text = JSON.stringify(value, undefined, indent);
      assert.deepEqual(findDuplicateFields(text, JSON.parse(text)), []);
      assert.deepEqual(scanJson(text), []);
    }),
  );
});
