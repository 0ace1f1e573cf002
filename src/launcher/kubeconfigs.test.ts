import assert from "node:assert/strict";
import { mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { hasClusterContext, mergeClusterContext, removeClusterContext } from "./kubeconfigs.ts";
import { profilePaths, type LauncherEnv } from "./paths.ts";
import { newTestEnv, testProfile } from "./test-env.ts";

const { signal } = new AbortController();
const OTHERS = `apiVersion: v1
kind: Config
current-context: work
clusters: [{name: work, cluster: {server: "https://work.test"}}]
contexts: [{name: work, context: {cluster: work, user: me}}]
users: [{name: me, user: {token: abc}}]
preferences: {colors: true}
`;

test("mergeClusterContext makes the cluster's context the current one, removeClusterContext the one before", async () => {
  await using given = await newTestEnv();
  const { env } = given;
  const profile = testProfile(env);
  await writePki(env);
  await writeFile(env.kubeconfig, OTHERS);
  assert.equal(await hasClusterContext(profile), false);
  await mergeClusterContext(env, profile, signal);
  await mergeClusterContext(env, profile, signal); // a second start changes nothing
  assert.equal(await hasClusterContext(profile), true);
  const merged = await readFile(env.kubeconfig, "utf8");
  assert.match(merged, /current-context: k8ts-test/);
  assert.equal(merged.split("https://127.0.0.1:6443").length, 2);
  assert.ok(merged.includes(Buffer.from("admin.key of test").toString("base64")));
  await removeClusterContext(profile, signal);
  const after = await readFile(env.kubeconfig, "utf8");
  assert.doesNotMatch(after, /k8ts-test/);
  for (const kept of [/current-context: work/, /https:\/\/work\.test/, /token: abc/, /colors: true/])
    assert.match(after, kept);
  assert.equal(await hasClusterContext(profile), false);
});

test("mergeClusterContext makes a file that only its owner reads", async () => {
  await using given = await newTestEnv();
  const { env } = given;
  await writePki(env);
  await mergeClusterContext(env, testProfile(env), signal);
  assert.equal((await stat(env.kubeconfig)).mode & 0o077, 0);
});

test("removeClusterContext without a file or without the context does nothing", async () => {
  await using given = await newTestEnv();
  const { env } = given;
  const profile = testProfile(env);
  assert.equal(await hasClusterContext(profile), false);
  await removeClusterContext(profile, signal);
  await writeFile(env.kubeconfig, OTHERS);
  await removeClusterContext(profile, signal);
  assert.match(await readFile(env.kubeconfig, "utf8"), /current-context: work/);
});

async function writePki(env: LauncherEnv): Promise<void> {
  const { pki } = profilePaths(env, "test");
  await mkdir(pki, { recursive: true });
  for (const name of ["ca.crt", "admin.crt", "admin.key"])
    await writeFile(join(pki, name), `${name} of test`);
}
