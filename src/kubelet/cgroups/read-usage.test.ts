import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { readUsage } from "./read-usage.ts";

const V1 = {
  "cpuacct/p/cpuacct.usage": "1234567890\n",
  "memory/p/memory.usage_in_bytes": "9000\n",
  "memory/p/memory.stat": "inactive_file 1\ntotal_inactive_file 4000\ntotal_active_file 7\n",
};
const V2 = {
  "p/cpu.stat": "usage_usec 1234567\nuser_usec 1\n",
  "p/memory.current": "9000\n",
  "p/memory.stat": "anon 5\ninactive_file 4000\n",
};

const CASES: readonly [
  what: string,
  version: 1 | 2,
  files: Readonly<Record<string, string>>,
  want: unknown,
][] = [
  ["version 1", 1, V1, { cpuNanoSeconds: 1_234_567_890, workingSetBytes: 5000 }],
  ["version 2", 2, V2, { cpuNanoSeconds: 1_234_567_000, workingSetBytes: 5000 }],
  [
    "version 2 with swap",
    2,
    { ...V2, "p/memory.swap.current": "12\n" },
    { cpuNanoSeconds: 1_234_567_000, workingSetBytes: 5000, swapBytes: 12 },
  ],
  [
    "more inactive files than use",
    1,
    { ...V1, "memory/p/memory.usage_in_bytes": "1\n" },
    { cpuNanoSeconds: 1_234_567_890, workingSetBytes: 0 },
  ],
  ["a cgroup that is gone", 1, {}, undefined],
];
for (const [what, version, files, want] of CASES) {
  test(`readUsage() reads ${what}`, (t) => {
    const root = mkdtempSync(join(tmpdir(), "k8ts-usage-"));
    t.after(() => rmSync(root, { recursive: true }));
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(root, name)), { recursive: true });
      writeFileSync(join(root, name), text);
    }
    assert.deepEqual(readUsage(version, root, "/p"), want);
  });
}
