import assert from "node:assert/strict";
import { test } from "node:test";
import { testPod } from "../container/testing.ts";
import { sysctlAllowlist, sysctlPatternError } from "./allowlist.ts";

const allowlist = sysctlAllowlist(["kernel.msg*", "net.core.somaxconn", "net/ipv4/conf/eno2.100/*"]);

const cases: readonly [name: string, shared: object, expected: string | undefined][] = [
  ["net.ipv4.tcp_syncookies", {}, undefined],
  ["net/ipv4/tcp_syncookies", {}, undefined],
  ["kernel.msgmax", {}, undefined],
  ["net.core.somaxconn", {}, undefined],
  ["net.ipv4.conf.eno2/100.rp_filter", {}, undefined],
  ["kernel.sem", {}, 'forbidden sysctl: "kernel.sem" not allowlisted'],
  ["vm.swappiness", {}, 'forbidden sysctl: "vm.swappiness" not allowlisted'],
  ["kernel.msgmax", { hostIPC: true }, 'forbidden sysctl: "kernel.msgmax" not allowed with host IPC enabled'],
  [
    "net.ipv4.tcp_rmem",
    { hostNetwork: true },
    'forbidden sysctl: "net.ipv4.tcp_rmem" not allowed with host Net enabled',
  ],
];
for (const [name, shared, expected] of cases)
  test(`sysctlAllowlist() answers ${name} ${JSON.stringify(shared)} with ${expected ?? "yes"}`, () => {
    const pod = testPod({ securityContext: { sysctls: [{ name, value: "1" }] }, ...shared });
    assert.equal(allowlist(pod), expected);
  });

test("sysctlPatternError() takes what the kernel keeps for each namespace", () => {
  assert.equal(sysctlPatternError("net.ipv4.*"), undefined);
  assert.equal(sysctlPatternError("kernel.shm*"), undefined);
  assert.equal(sysctlPatternError("vm.*"), 'the sysctls "vm." are not known to be namespaced');
  assert.match(sysctlPatternError("a*b") ?? "", /^sysctl "a\*b" must have at most 253 characters and match/u);
});
