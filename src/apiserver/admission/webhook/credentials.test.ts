import assert from "node:assert/strict";
import { test } from "node:test";
import { userFor } from "./credentials.ts";

const kubeconfig = (names: readonly string[], current = "") => ({
  currentContext: current === "" ? "" : "x",
  clusters: new Map(),
  users: new Map(names.map((name) => [name, {}])),
  contexts: new Map(current === "" ? [] : [["x", { cluster: "", user: current }]]),
});

test("userFor() prefers the host itself, then the longest part of it, then everybody's, then the current user", () => {
  const all = ["hook.ns.svc:8443", "*.ns.svc:8443", "*.svc:8443", "*", "me"];
  const target = "hook.ns.svc:8443";
  for (let i = 0; i < 4; i++)
    assert.equal(userFor(target, kubeconfig(all.slice(i), "me")), all[i], String(all[i]));
  assert.equal(userFor(target, kubeconfig(["me"], "me")), "me");
  assert.equal(userFor(target, kubeconfig(["me"])), undefined);
});

test("userFor() leaves out the port of HTTPS, and no other", () => {
  assert.equal(userFor("hook.ns.svc:443", kubeconfig(["hook.ns.svc"])), "hook.ns.svc");
  assert.equal(userFor("hook.ns.svc:443", kubeconfig(["*.svc"])), "*.svc");
  assert.equal(userFor("hook.ns.svc:444", kubeconfig(["hook.ns.svc"])), undefined);
});
