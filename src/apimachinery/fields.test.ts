import assert from "node:assert/strict";
import { test } from "node:test";
import * as fields from "./fields.ts";

test("parse reads terms in sorted order and unescapes values", () => {
  assert.equal(fields.format(fields.parse("b!=2,a==1")), "a=1,b!=2");
  assert.deepEqual(fields.parse(String.raw`a=x\,y\=z\\`), [
    { field: "a", operator: "=", value: String.raw`x,y=z\ `.trim() },
  ]);
  assert.equal(fields.format(fields.parse(String.raw`a=x\,y`)), String.raw`a=x\,y`);
  assert.deepEqual(fields.parse(""), []);
});

test("parse refuses with upstream's messages", () => {
  assert.throws(() => fields.parse("a"), /invalid selector: 'a'; can't understand 'a'/);
  assert.throws(() => fields.parse("a=b=c"), /unescaped character in value: 61/);
  assert.throws(() => fields.parse(String.raw`a=\x`), /invalid escape sequence: \\x/);
});

test("matches compares with the values of the object", () => {
  assert.ok(fields.matches(fields.parse("metadata.name=web"), get));
  assert.ok(!fields.matches(fields.parse("metadata.name!=web"), get));
  assert.ok(fields.matches(fields.parse("spec.nodeName="), get));
  assert.equal(fields.requiresExactMatch(fields.parse("metadata.name=web"), "metadata.name"), "web");
});

function get(path: string): string {
  return path === "metadata.name" ? "web" : "";
}
