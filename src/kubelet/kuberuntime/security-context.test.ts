import assert from "node:assert/strict";
import { test } from "node:test";
import type { PodSecurityContext, SecurityContext } from "#api/core/v1/types.gen";
import { testContainer, testPod } from "../container/testing.ts";
import { containerSecurityContext, type ImageUser } from "./security-context.ts";

function make(
  own: SecurityContext,
  shared: PodSecurityContext = {},
  image: ImageUser = { username: "" },
): ReturnType<typeof containerSecurityContext> {
  const container = testContainer("c", { securityContext: own });
  return containerSecurityContext({
    pod: testPod({ securityContext: shared }),
    container,
    image,
    rootDir: "/r",
  });
}

test("containerSecurityContext() prefers the container's user, then the pod's, then the image's", () => {
  assert.equal(make({ runAsUser: 1 }, { runAsUser: 2 }, { uid: 3, username: "" }).runAsUser, 1);
  assert.equal(make({}, { runAsUser: 2 }, { uid: 3, username: "" }).runAsUser, 2);
  assert.equal(make({}, {}, { uid: 3, username: "" }).runAsUser, 3);
  assert.equal(make({}, {}, { username: "app" }).runAsUsername, "app");
});

const refused: readonly (readonly [string, SecurityContext, ImageUser, RegExp])[] = [
  ["user 0", { runAsNonRoot: true, runAsUser: 0 }, { username: "" }, /runAsUser breaks non-root policy/u],
  ["an image of root", { runAsNonRoot: true }, { uid: 0, username: "" }, /image will run as root/u],
  ["an image without a user", { runAsNonRoot: true }, { username: "" }, /image will run as root/u],
  ["an image with a named user", { runAsNonRoot: true }, { username: "app" }, /non-numeric user \(app\)/u],
];

for (const [what, own, image, message] of refused) {
  test(`containerSecurityContext() refuses ${what} under runAsNonRoot`, () => {
    assert.throws(() => make(own, {}, image), message);
  });
}

test("containerSecurityContext() adds the fsGroup to the groups", () => {
  assert.deepEqual(make({}, { fsGroup: 5, supplementalGroups: [6] }).supplementalGroups, [5, 6]);
});

test("containerSecurityContext() masks /proc unless told otherwise, and forbids new privileges on request", () => {
  assert.ok(make({}).maskedPaths!.includes("/proc/kcore"));
  assert.deepEqual(make({ procMount: "Unmasked" }).maskedPaths, []);
  assert.equal(make({ allowPrivilegeEscalation: false }).noNewPrivs, true);
  assert.equal(make({}).noNewPrivs, false);
});

test("containerSecurityContext() finds local seccomp profiles below kubelet's folder, and refuses nameless ones", () => {
  const seccompProfile = { type: "Localhost", localhostProfile: "profiles/a.json" };
  const expected = { profileType: "Localhost", localhostRef: "/r/seccomp/profiles/a.json" };
  assert.deepEqual(make({ seccompProfile }).seccomp, expected);
  assert.throws(() => make({ seccompProfile: { type: "Localhost" } }), /localhostProfile must be set/u);
});

test("containerSecurityContext() hands AppArmor on in both forms, and SELinux whole", () => {
  const made = make(
    { appArmorProfile: { type: "Localhost", localhostProfile: "p" }, seLinuxOptions: { level: "s0" } },
    { seLinuxOptions: { user: "u" } },
  );
  assert.deepEqual(made.apparmor, { profileType: "Localhost", localhostRef: "p" });
  assert.equal(made.apparmorProfile, "localhost/p");
  assert.deepEqual(made.selinuxOptions, { level: "s0" });
});

test("containerSecurityContext() gives a privileged container no seccomp profile", () => {
  const shared = { seccompProfile: { type: "RuntimeDefault" } };
  assert.deepEqual(make({ privileged: true }, shared).seccomp, { profileType: "Unconfined" });
  assert.deepEqual(make({}, shared).seccomp, { profileType: "RuntimeDefault" });
  assert.deepEqual(make({}).seccomp, { profileType: "Unconfined" });
});
