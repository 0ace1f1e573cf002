import assert from "node:assert/strict";
import test from "node:test";
import { isProblem, parseLogLine, renderLogLine } from "./log-line.ts";

const CASES: readonly [what: string, line: string, shown: string | undefined, isBad: boolean][] = [
  [
    "ours",
    '{"level":"info","ts":"2026-11-20T23:32:57.437000Z","component":"scheduler","pods":3,"msg":"Started"}',
    "23:32:57.437 I scheduler: Started pods=3",
    false,
  ],
  [
    "ours with an error, whose stack stays out",
    '{"level":"warn","ts":"2026-11-20T23:34:10.965000Z","component":"kubelet","err":{"message":"busy","stack":"Error\\n at x"},"msg":"Clean-up failed"}',
    "23:34:10.965 W kubelet: Clean-up failed: busy",
    true,
  ],
  [
    "containerd's",
    'time="2026-11-20T23:40:54.532563844Z" level=error msg="PullImage \\"x\\" failed" error="not found"',
    '23:40:54.532 E PullImage "x" failed: not found',
    true,
  ],
  [
    "containerd's at every first start",
    'time="2026-11-20T23:40:54.5Z" level=error msg="failed to load cni during init, please check" error="no network config found"',
    "23:40:54.5Z E failed to load cni during init, please check: no network config found",
    false,
  ],
  ["plain text", "FATAL ERROR: out of memory", "FATAL ERROR: out of memory", true],
  ["a line that a kill cut off", '{"level":"in', '{"level":"in', true],
  ["a line of a stack", "    at Object.callback (file.ts:1:2)", undefined, false],
  ["an empty line", "", undefined, false],
];
for (const [what, line, shown, isBad] of CASES) {
  test(`parseLogLine and renderLogLine show a line: ${what}`, () => {
    const parsed = parseLogLine(line);
    assert.equal(parsed && renderLogLine(parsed), shown);
    assert.equal(parsed !== undefined && isProblem(parsed), isBad);
  });
}
