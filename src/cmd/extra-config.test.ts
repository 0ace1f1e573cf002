import assert from "node:assert/strict";
import { test } from "node:test";
import { Command } from "commander";
import { extraConfigOf } from "./extra-config.ts";
import { addAuditFlags } from "./server/audit-flags.ts";

const program = new Command();
addAuditFlags(program.command("server"));
program.command("agent").option("--control-plane", "no value", false);

test("extraConfigOf() takes flags that the component has, with values that they take", () => {
  const [option] = extraConfigOf(program, ["apiserver.audit-log-maxage=7"]);
  assert.deepEqual(option, { component: "apiserver", flag: "audit-log-maxage", value: "7" });
  assert.equal(extraConfigOf(program, ["apiserver.audit-log-compress=true"]).length, 1);
});

const REFUSED: readonly [string, RegExp][] = [
  ["apiserver.nonsense=1", /apiserver has no flag --nonsense/],
  ["kubelet.audit-log-maxage=7", /kubelet has no flag --audit-log-maxage/],
  ["apiserver.audit-log-maxage=week", /must be a number/],
  ["apiserver.audit-log-compress=maybe", /must be true or false/],
  ["apiserver.audit-webhook-batch-max-wait=5", /must be a duration/],
  ["apiserver.audit-log-mode=often", /Allowed choices are batch, blocking, blocking-strict/],
  ["kubelet.control-plane=true", /takes no value/],
];

for (const [text, problem] of REFUSED) {
  test(`extraConfigOf() refuses ${text}`, () => {
    assert.throws(() => extraConfigOf(program, [text]), problem);
  });
}
