import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import test from "node:test";
import { promisify } from "node:util";

const ROOT = join(import.meta.dirname, "../..");
/** Prints the files that importing the launcher loads. */
const COUNT = `
  import { registerHooks } from "node:module";
  registerHooks({ load(url, context, next) { console.log(url); return next(url, context); } });
  await import("#launcher");
`;

test("the launcher's surface loads no API, client, certificate or runtime code until a command needs it", async () => {
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", COUNT], {
    cwd: ROOT,
  });
  const loaded = stdout.split("\n").filter((url) => url.startsWith("file:"));
  assert.ok(loaded.some((url) => url.endsWith("src/launcher/index.ts")));
  const heavy = loaded.filter((url) => /\/src\/(api|client|cri|component-base)\/|\/node_modules\//.test(url));
  assert.deepEqual(heavy, []);
});
