import assert from "node:assert/strict";
import { test } from "node:test";
import type { PodSecurityContext, SecurityContext } from "#api/core/v1/types.gen";
import { testContainer, testPod } from "../container/testing.ts";
import { admitPrivileges } from "./admit-privileges.ts";

const NONE = { appArmor: false, supplementalGroupsPolicy: false };
const ALL = { appArmor: true, supplementalGroupsPolicy: true };
const APPARMOR = {
  reason: "AppArmor",
  message: "Pod was rejected: Cannot enforce AppArmor: AppArmor is not enabled on the host",
};
const GROUPS = {
  reason: "SupplementalGroupsPolicyNotSupported",
  message: "Pod was rejected: SupplementalGroupsPolicy=Strict is not supported in this node",
};

const cases: readonly (readonly [string, PodSecurityContext, SecurityContext, object | undefined])[] = [
  ["nothing", {}, {}, undefined],
  ["merged groups", { supplementalGroupsPolicy: "Merge" }, {}, undefined],
  ["strict groups", { supplementalGroupsPolicy: "Strict" }, {}, GROUPS],
  ["no profile", {}, { appArmorProfile: { type: "Unconfined" } }, undefined],
  ["a profile of the pod", { appArmorProfile: { type: "RuntimeDefault" } }, {}, APPARMOR],
  [
    "a profile of a container",
    {},
    { appArmorProfile: { type: "Localhost", localhostProfile: "p" } },
    APPARMOR,
  ],
];

for (const [what, shared, own, expected] of cases) {
  test(`admitPrivileges() decides about a pod that asks for ${what}`, () => {
    const containers = [testContainer("c", { securityContext: own })];
    const pod = testPod({ securityContext: shared, containers });
    assert.deepEqual(admitPrivileges(pod, NONE), expected);
    assert.equal(admitPrivileges(pod, ALL), undefined);
  });
}

test("admitPrivileges() reads the annotations of older clients", () => {
  const name = "container.apparmor.security.beta.kubernetes.io/c";
  const annotated = (profile: string) => testPod({}, { annotations: { [name]: profile } });
  assert.equal(admitPrivileges(annotated("runtime/default"), NONE)?.reason, "AppArmor");
  assert.equal(admitPrivileges(annotated("unconfined"), NONE), undefined);
});

test("admitPrivileges() refuses a localhost profile without a name", () => {
  const appArmorProfile = { type: "Localhost", localhostProfile: " " };
  const pod = testPod({ securityContext: { appArmorProfile } });
  assert.match(admitPrivileges(pod, ALL)!.message, /invalid empty AppArmor profile name/u);
});
