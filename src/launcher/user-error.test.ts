import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { explain } from "./user-error.ts";

const GUIDE = readFileSync(join(import.meta.dirname, "../../docs/guides/troubleshooting.md"), "utf8");

test("every id of a launcher's error stands in the troubleshooting guide, and no other", () => {
  const sources = globSync("**/*.ts", { cwd: import.meta.dirname }).filter(
    (file) => !file.endsWith(".test.ts"),
  );
  const ids = sources.flatMap((file) =>
    [...readFileSync(join(import.meta.dirname, file), "utf8").matchAll(/"([A-Z]+(?:_[A-Z]+)+)"/g)].map(
      ([, id]) => id!,
    ),
  );
  const documented = [...GUIDE.matchAll(/^\| `([A-Z_]+)` \|/gm)].map(([, id]) => id!);
  assert.ok(ids.length > 20, "the pattern still finds them");
  assert.deepEqual(documented.toSorted(), [...new Set(ids)].toSorted());
});

test("explain puts an error and its causes on one line, and says nothing twice", () => {
  const refused = new Error("connect ECONNREFUSED 192.0.2.1:6443");
  const failed = new Error("Failed to connect: connect ECONNREFUSED 192.0.2.1:6443", { cause: refused });
  const late = new Error("after 3 s the API server is not ready", { cause: failed });
  assert.equal(
    explain(late),
    "after 3 s the API server is not ready: Failed to connect: connect ECONNREFUSED 192.0.2.1:6443",
  );
  assert.equal(explain("text"), "text");
});
