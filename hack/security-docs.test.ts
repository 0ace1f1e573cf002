/** Every promise of docs/security.md names a test that is there, and every check of the CIS benchmark stands in the list. @module */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";

const DOCUMENT = readFileSync("docs/security.md", "utf8");
const CIS = "test/integration/cis-benchmark.test.ts";
const HELD = /\| `([^`]+\.test\.ts)` · (.+?) \|$/;

/** The text with which a test's name begins, after its quote. */
function hasTest(file: string, name: string): boolean {
  if (!existsSync(file)) return false;
  const text = readFileSync(file, "utf8");
  return ['"', "`"].some(
    (quote) => text.includes(`test(${quote}${name}`) || text.includes(`test(\n${quote}${name}`),
  );
}

test("docs/security.md names a test for every promise, and it is there", () => {
  const promises = DOCUMENT.slice(DOCUMENT.indexOf("## Promises"), DOCUMENT.indexOf("## Ports without TLS"));
  const rows = promises.split("\n").filter((line) => /^\| (?!promise|who|---)[^-]/.test(line));
  assert.ok(rows.length > 20);
  const broken = rows.filter((row) => {
    const [, file = "", name = ""] = HELD.exec(row) ?? [];
    return name === "" || !hasTest(file, name);
  });
  assert.deepEqual(broken, []);
});

test("docs/security.md lists every check of the CIS benchmark that has a test", () => {
  const names = [...readFileSync(CIS, "utf8").matchAll(/test\("CIS ((?:[\d.]+(?:-[\d.]+)? )+)/g)];
  assert.ok(names.length > 15);
  const list = DOCUMENT.slice(DOCUMENT.indexOf("## CIS"));
  const known = new Set(
    [...list.matchAll(/\d+\.\d+(?:\.\d+)?(?:-\d+\.\d+(?:\.\d+)?)?/g)].map(([check]) => check),
  );
  const missing = names
    .flatMap(([, checks]) => checks!.trim().split(" "))
    .filter((check) => !isListed(check, known));
  assert.deepEqual(missing, []);
});

/** As itself, or within a range of the list. */
function isListed(check: string, known: ReadonlySet<string>): boolean {
  if (known.has(check)) return true;
  const [first = "", last = first] = check.split("-");
  return [...known].some((range) => {
    const [from = "", to = from] = range.split("-");
    return isBetween(first, from, to) && isBetween(last, from, to);
  });
}

function isBetween(check: string, from: string, to: string): boolean {
  const [a, b, c] = [from, check, to].map((text) => text.split(".").map(Number));
  const isSameSection = a!.slice(0, -1).join(".") === b!.slice(0, -1).join(".");
  return isSameSection && a!.at(-1)! <= b!.at(-1)! && b!.at(-1)! <= c!.at(-1)!;
}
