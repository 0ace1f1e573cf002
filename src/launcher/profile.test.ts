import assert from "node:assert/strict";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { profilePaths } from "./paths.ts";
import {
  checkProfileName,
  contextName,
  listProfiles,
  nodeName,
  readProfile,
  requireProfile,
  writeProfile,
} from "./profile.ts";
import { newTestEnv, testProfile } from "./test-env.ts";

test("checkProfileName takes what fits into names of interfaces, namespaces and files", () => {
  for (const good of ["k8ts", "a", "7", "my-cluster", "a".repeat(30)]) checkProfileName(good);
  for (const bad of ["", "A", "a_b", "-a", "a-", "../x", "a/b", "a b", "ä", "a".repeat(31)])
    assert.throws(
      () => checkProfileName(bad),
      { name: "UserError", id: "PROFILE_NAME_INVALID", exitCode: 64 },
      bad,
    );
});

test("contextName and nodeName follow minikube", () => {
  assert.equal(contextName("k8ts"), "k8ts");
  assert.equal(contextName("dev"), "k8ts-dev");
  assert.deepEqual(
    [0, 1, 8, 9].map((i) => nodeName("dev", i)),
    ["k8ts-dev", "k8ts-dev-m02", "k8ts-dev-m09", "k8ts-dev-m10"],
  );
});

test("readProfile gives what writeProfile wrote, and undefined when there is none", async () => {
  await using given = await newTestEnv();
  const { env } = given;
  assert.equal(await readProfile(env, "test"), undefined);
  const profile = testProfile(env);
  await writeProfile(env, profile);
  assert.deepEqual(await readProfile(env, "test"), profile);
  assert.deepEqual(await readdir(profilePaths(env, "test").dir), ["profile.json"]);
});

test("readProfile refuses names that leave the folder", async () => {
  await using given = await newTestEnv();
  await assert.rejects(readProfile(given.env, "../test"), { id: "PROFILE_NAME_INVALID" });
});

test("requireProfile says how to make the profile", async () => {
  await using given = await newTestEnv();
  await assert.rejects(requireProfile(given.env, "dev"), {
    id: "PROFILE_NOT_FOUND",
    exitCode: 66,
    fix: "k8ts start -p dev, or k8ts profile list",
  });
  await assert.rejects(requireProfile(given.env, "k8ts"), { fix: "k8ts start, or k8ts profile list" });
});

test("listProfiles gives them by name and leaves out half-made ones", async () => {
  await using given = await newTestEnv();
  const { env } = given;
  assert.deepEqual(await listProfiles(env), []);
  for (const name of ["zeta", "alpha"]) await writeProfile(env, testProfile(env, { name }));
  await mkdir(join(env.home, "profiles/half"));
  assert.deepEqual(
    (await listProfiles(env)).map(({ name }) => name),
    ["alpha", "zeta"],
  );
});

test("profilePaths keeps sockets short for root, and everything below the home for others", () => {
  const env = { home: "/home/u/.k8ts", kubeconfig: "", isRoot: true, installDir: "/", path: "" };
  assert.equal(profilePaths(env, "dev").node("k8ts-dev").run, "/run/k8ts/dev/k8ts-dev");
  const { run, dir } = profilePaths({ ...env, isRoot: false }, "dev");
  assert.equal(dirname(run), dir);
});

test("readProfile passes on what it cannot parse", async () => {
  await using given = await newTestEnv();
  const { config, dir } = profilePaths(given.env, "test");
  await mkdir(dir, { recursive: true });
  await writeFile(config, "{");
  await assert.rejects(readProfile(given.env, "test"), SyntaxError);
});
