import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import { decodeJsonLines } from "./json-lines.ts";

async function* chunked(text: string, size: number): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

for (const size of [1, 2, 3, 7, 100]) {
  test(`decodeJsonLines() gives the same values in chunks of ${size} bytes`, async () => {
    const text = '{"a":1}\n\n{"b":"ü€"}\n[3]';
    assert.deepEqual(await Array.fromAsync(decodeJsonLines(chunked(text, size))), [
      { a: 1 },
      { b: "ü€" },
      [3],
    ]);
  });
}

test("decodeJsonLines() tells of a broken line without what is in it", async () => {
  for (const text of ['{"p":hunter2}\n', '{"p":"hunter2\n', '{"p": hunter2'])
    await assert.rejects(
      Array.fromAsync(decodeJsonLines(chunked(text, 100))),
      (err) => err instanceof SyntaxError && !inspect(err, { depth: Infinity }).includes("hunter2"),
      text,
    );
});

test("decodeJsonLines() throws on a line that is too long, without waiting for its end", async () => {
  const endless = chunked(`[1]\n"${"x".repeat(1_000)}`, 10);
  await assert.rejects(Array.fromAsync(decodeJsonLines(endless, 100)), /longer than 100 bytes/);
});
