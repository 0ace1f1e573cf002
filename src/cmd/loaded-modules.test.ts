import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempDisposable, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";

/** Everything that importing `file` loads: names of Node's own modules and addresses of files. */
async function loadedBy(file: string, ...args: readonly string[]): Promise<readonly string[]> {
  await using dir = await mkdtempDisposable(join(tmpdir(), "k8ts-modules-"));
  const list = join(dir.path, "loaded.json");
  // into a file: a pipe does not take that much at the end of a process
  const script = `
    const { registerHooks } = require("node:module");
    const urls = [];
    registerHooks({ resolve: (name, context, next) => { const found = next(name, context); urls.push(found.url); return found; } });
    process.on("exit", () => require("node:fs").writeFileSync(${JSON.stringify(list)}, JSON.stringify([...urls, ...process.moduleLoadList])));
    import(${JSON.stringify(join(import.meta.dirname, file))});`;
  await promisify(execFile)(process.execPath, ["-e", script, "--", ...args]);
  return JSON.parse(await readFile(list, "utf8")) as readonly string[];
}

const CASES: readonly { file: string; args?: readonly string[]; never: RegExp }[] = [
  {
    file: "k8ts.ts",
    args: ["k8ts", "version"],
    never: /src\/(?:apiserver|kubelet|controllers|scheduler|cri|proxy|dns)\/|@opentelemetry|deps\/undici/,
  },
  {
    file: "agent/agent.ts",
    never: /src\/(?:apiserver|apimachinery\/cel)\/|@peculiar|@opentelemetry|deps\/undici/,
  },
  {
    file: "server/server.ts",
    never: /src\/(?:kubelet|cri|proxy)\/|@grpc|@peculiar|@opentelemetry|deps\/undici/,
  },
];
for (const { file, args = [], never } of CASES) {
  test(`${file} loads nothing that it may never need`, async () => {
    const loaded = await loadedBy(file, ...args);
    assert.ok(loaded.length > 100);
    assert.deepEqual(
      loaded.filter((name) => never.test(name)),
      [],
    );
  });
}
