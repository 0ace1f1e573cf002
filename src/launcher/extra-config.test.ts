import assert from "node:assert/strict";
import { test } from "node:test";
import { extraFlags, parseExtraOption, refuseOwnFlags, withExtraConfig } from "./extra-config.ts";
import type { Profile } from "./profile.ts";
import { UserError } from "./user-error.ts";

const profile = {
  name: "p",
  extraConfig: [{ component: "kubelet", flag: "a", value: "1" }],
} as unknown as Profile;

test("parseExtraOption() reads minikube's notation; a value may have anything in it", () => {
  assert.deepEqual(parseExtraOption("apiserver.audit-log-path=/a=b.log"), {
    component: "apiserver",
    flag: "audit-log-path",
    value: "/a=b.log",
  });
});

for (const text of [
  "apiserver",
  "apiserver.x",
  "x=1",
  "apiserver.=1",
  "apiserver.--x=1",
  "etcd.x=1",
  "toString.x=1",
]) {
  test(`parseExtraOption() refuses ${text}`, () => {
    assert.throws(() => parseExtraOption(text), UserError);
  });
}

test("withExtraConfig() keeps what was said before, and the last word on each flag", () => {
  const options = ["kubelet.a=2", "proxy.b=3", "scheduler.c=4"].map(parseExtraOption);
  const changed = withExtraConfig(profile, options);
  assert.deepEqual(extraFlags(changed, "agent"), ["--a=2", "--b=3"]);
  assert.deepEqual(extraFlags(changed, "server"), ["--c=4"]);
  assert.equal(withExtraConfig(profile, []), profile);
});

test("refuseOwnFlags() refuses what start says itself, but for what it leaves to others", () => {
  const own = ["node", "k8ts.ts", "server", "--data-dir=/x", "--eviction-hard=a<1"];
  assert.throws(() => refuseOwnFlags([parseExtraOption("apiserver.data-dir=/y")], "server", own), /itself/);
  refuseOwnFlags([parseExtraOption("kubelet.data-dir=/y")], "server", own);
  refuseOwnFlags([parseExtraOption("kubelet.eviction-hard=a<2")], "agent", own);
});
