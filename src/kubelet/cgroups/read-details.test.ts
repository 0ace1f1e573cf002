import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { readDetails } from "./read-details.ts";

/** Of no machine: its number stays its name. */
const DEVICE = "4095:7";
const V1 = {
  "cpu/p/cpu.stat": "nr_periods 10\nnr_throttled 3\nthrottled_time 5000\n",
  "memory/p/memory.stat": "cache 1\ntotal_cache 4096\n",
};
const V1_IO = {
  "blkio/p/blkio.throttle.io_serviced": `${DEVICE} Read 1\n${DEVICE} Write 2\n${DEVICE} Total 3\nTotal 3\n`,
  "blkio/p/blkio.throttle.io_service_bytes": `${DEVICE} Read 100\n${DEVICE} Write 200\nTotal 300\n`,
};
const V2 = {
  "p/cpu.stat": "usage_usec 1\nnr_periods 10\nnr_throttled 3\nthrottled_usec 5\n",
  "p/memory.stat": "anon 5\nfile 4096\n",
  "p/io.stat": `${DEVICE} rbytes=100 wbytes=200 rios=1 wios=2 dbytes=0 dios=0\n`,
};
const throttled = { periods: 10, throttledPeriods: 3, throttledNanoSeconds: 5000 };
const io = [{ device: DEVICE, reads: 1, writes: 2, readBytes: 100, writtenBytes: 200 }];

const CASES: readonly [
  what: string,
  version: 1 | 2,
  files: Readonly<Record<string, string>>,
  want: unknown,
][] = [
  ["version 1", 1, { ...V1, ...V1_IO }, { ...throttled, cacheBytes: 4096, io }],
  ["version 1 without its controller of devices", 1, V1, { ...throttled, cacheBytes: 4096, io: [] }],
  ["version 2", 2, V2, { ...throttled, cacheBytes: 4096, io }],
  [
    "a cgroup without a quota",
    2,
    { ...V2, "p/cpu.stat": "usage_usec 1\nnr_periods 0\n" },
    { cacheBytes: 4096, io },
  ],
  ["a cgroup that is gone", 1, {}, undefined],
];
for (const [what, version, files, want] of CASES) {
  test(`readDetails() reads ${what}`, (t) => {
    const root = mkdtempSync(join(tmpdir(), "k8ts-details-"));
    t.after(() => rmSync(root, { recursive: true }));
    for (const [name, text] of Object.entries(files)) {
      const path = join(root, name);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, text);
    }
    assert.deepEqual(readDetails(version, root, "p"), want);
  });
}
