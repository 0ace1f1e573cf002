import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";

const EXAMPLE = join(import.meta.dirname, "../../examples/testing/deployment.test.ts");

test("README's example is the one in examples/testing, and passes", async () => {
  const readme = await readFile(join(import.meta.dirname, "README.md"), "utf8");
  const shown = /```ts\n([^]*?)```/.exec(readme)?.[1];
  const example = await readFile(EXAMPLE, "utf8");
  assert.equal(shown, example.slice(example.indexOf("\n") + 1));
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const child = spawn(process.execPath, [EXAMPLE], { env, stdio: ["ignore", "pipe", "inherit"] });
  const [output, [code]] = await Promise.all([text(child.stdout), once(child, "close")]);
  assert.equal(code, 0, output);
  assert.match(output, /tests 1\n[^]*pass 1\n/);
});
