import assert from "node:assert/strict";
import { openSync, writeSync } from "node:fs";
import { test } from "node:test";
import { lossyLines } from "./lossy-lines.ts";

test("lossyLines goes on while nothing can be written, and tells afterwards how much is missing", () => {
  const full = openSync("/dev/full", "w");
  const written: string[] = [];
  let isFull = false;
  const write = (text: string): void => {
    if (isFull) writeSync(full, text);
    else written.push(text);
  };
  const line = lossyLines(write, (lost) => `${lost} lost\n`);
  line("a\n");
  isFull = true;
  line("b\n");
  line("c\n");
  isFull = false;
  line("d\n");
  line("e\n");
  assert.deepEqual(written, ["a\n", "\n2 lost\nd\n", "e\n"]);
});

test("lossyLines hides no mistake of the program", () => {
  const line = lossyLines(
    () => {
      throw new TypeError("a mistake");
    },
    () => "",
  );
  assert.throws(() => line("a\n"), /a mistake/);
});
