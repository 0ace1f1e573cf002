import assert from "node:assert/strict";
import { test } from "node:test";
import { OomReader } from "./oom-log.ts";

const KILL =
  "oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),cpuset=/,mems_allowed=0,global_oom,task_memcg=/a,task=stress,pid=17,uid=0";

const CASES: readonly (readonly [string, string, string | undefined])[] = [
  ["a kill of the machine", `6,12,5000,-;${KILL}`, "stress 17"],
  ["a container's own kill", `6,12,5000,-;${KILL.replace("CONSTRAINT_NONE", "CONSTRAINT_MEMCG")}`, undefined],
  ["what was before", `6,12,999,-;${KILL}`, undefined],
  ["anything else", "6,12,5000,-;usb 1-1: new device", undefined],
  ["nothing", "", undefined],
];

for (const [what, line, want] of CASES) {
  test(`OomReader reads ${what}`, () => {
    const victim = new OomReader(1000).read(line);
    assert.equal(victim === undefined ? undefined : `${victim.name} ${victim.pid}`, want);
  });
}
