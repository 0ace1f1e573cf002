import assert from "node:assert/strict";
import { test } from "node:test";
import { parseOfficialTests, readOfficialTests } from "./names.ts";

test("readOfficialTests knows every name of names.tsv with its sig and release", () => {
  const tests = readOfficialTests();
  assert.equal(tests.size, 462);
  assert.deepEqual(tests.get("[sig-api-machinery] server version should find the server version"), {
    name: "[sig-api-machinery] server version should find the server version",
    sig: "api-machinery",
    release: "<=1.30",
  });
});

test("parseOfficialTests refuses a line of another shape, and a name that stands twice", () => {
  assert.throws(() => parseOfficialTests("1.30 [sig-a] b\n"), /Not a release and a name/);
  assert.throws(() => parseOfficialTests("1.30\tno sig\n"), /Not a release and a name/);
  assert.throws(() => parseOfficialTests("1.30\t[sig-a] b\n1.31\t[sig-a] b\n"), /Stands twice: \[sig-a\] b/);
});
