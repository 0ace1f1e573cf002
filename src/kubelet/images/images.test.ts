import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import { FakeClock } from "#apimachinery";
import type { Secret } from "#api/core/v1/types.gen";
import { type Image, type ImageService, RuntimeError } from "#cri";
import { testContainer, testPod } from "../container/testing.ts";
import { StartError } from "../kuberuntime/start-error.ts";
import { ImageManager } from "./image-manager.ts";
import { isImageName } from "./image-name.ts";
import { credentialsFor } from "./pull-credentials.ts";

const signal = new AbortController().signal;

/** A node's images and a registry, scripted. */
function fixture(present: boolean, registry: "ok" | "down") {
  const clock = new FakeClock();
  const events: string[] = [];
  const image: Image = {
    id: "sha256:1",
    repoTags: [],
    repoDigests: [],
    size: 7,
    username: "",
    pinned: false,
  };
  let has = present;
  const images: Pick<ImageService, "imageStatus" | "pullImage"> = {
    imageStatus: async () => (has ? { image, info: {} } : { info: {} }),
    pullImage: async () => {
      if (registry === "down") throw new RuntimeError("Unknown", "connection refused");
      has = true;
      return "sha256:1";
    },
  };
  const recorder = {
    event: (_: unknown, type: string, reason: string): void => void events.push(`${type} ${reason}`),
  };
  const manager = new ImageManager({ images, clock, recorder, parallelPullsMax: 1 });
  const ensure = async (imagePullPolicy: string): Promise<string> => {
    events.length = 0;
    const container = testContainer("c", { image: "demo/web:1", imagePullPolicy });
    const sandboxConfig = { metadata: { name: "", uid: "", namespace: "", attempt: 0 } };
    try {
      await manager.ensure({ pod: testPod(), container, pullSecrets: [], sandboxConfig }, signal);
      return events.join(", ");
    } catch (err) {
      assert.ok(err instanceof StartError);
      return `${err.reason}: ${events.join(", ")}`;
    }
  };
  return { clock, ensure };
}

const cases: readonly (readonly [string, boolean, "ok" | "down", string])[] = [
  ["IfNotPresent", true, "down", "Normal Pulled"],
  ["IfNotPresent", false, "ok", "Normal Pulling, Normal Pulled"],
  ["Always", true, "ok", "Normal Pulling, Normal Pulled"],
  ["Always", true, "down", "ErrImagePull: Normal Pulling, Warning Failed"],
  ["Never", true, "down", "Normal Pulled"],
  ["Never", false, "ok", "ErrImageNeverPull: Warning ErrImageNeverPull"],
];

for (const [policy, present, registry, want] of cases) {
  test(`ImageManager.ensure() with ${policy}, image ${present ? "here" : "missing"}, registry ${registry}`, async () => {
    assert.equal(await fixture(present, registry).ensure(policy), want);
  });
}

test("ImageManager.ensure() backs off after a failed pull", async () => {
  const { clock, ensure } = fixture(false, "down");
  assert.equal(await ensure("Always"), "ErrImagePull: Normal Pulling, Warning Failed");
  assert.equal(await ensure("Always"), "ImagePullBackOff: Normal BackOff");
  clock.advance(10_000);
  assert.equal(await ensure("Always"), "ErrImagePull: Normal Pulling, Warning Failed");
  clock.advance(10_000);
  assert.equal(await ensure("Always"), "ImagePullBackOff: Normal BackOff");
});

test("ImageManager.ensure() tells of a pull that is refused without the credentials it was tried with", async () => {
  const auths = { "reg.example.com": { username: "ann", password: "hunter2" } };
  const secret: Secret = {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: "s" },
    type: "kubernetes.io/dockerconfigjson",
    data: { ".dockerconfigjson": Buffer.from(JSON.stringify({ auths })).toString("base64") },
  };
  const tried: (string | undefined)[] = [];
  const told: unknown[] = [];
  const images: Pick<ImageService, "imageStatus" | "pullImage"> = {
    imageStatus: async () => ({ info: {} }),
    pullImage: async (_image, used) => {
      tried.push(used?.password);
      throw new RuntimeError("Unknown", "pull access denied: 401 Unauthorized");
    },
  };
  const recorder = { event: (...facts: readonly unknown[]): void => void told.push(facts.slice(1)) };
  const manager = new ImageManager({ images, clock: new FakeClock(), recorder, parallelPullsMax: 1 });
  const input = {
    pod: testPod(),
    container: testContainer("c", { image: "reg.example.com/web:1", imagePullPolicy: "Always" }),
    pullSecrets: [secret],
    sandboxConfig: { metadata: { name: "", uid: "", namespace: "", attempt: 0 } },
  };
  // the second is the back-off, which repeats the registry's words
  for (const _ of [1, 2]) await manager.ensure(input, signal).catch((err: unknown) => void told.push(err));
  assert.deepEqual(tried, ["hunter2"]);
  const text = inspect(told, { depth: Infinity });
  assert.match(text, /401 Unauthorized/);
  assert.doesNotMatch(text, new RegExp(`hunter2|${Buffer.from("ann:hunter2").toString("base64")}`));
});

test("isImageName() knows the grammar of references", () => {
  const digest = `sha256:${"a".repeat(64)}`;
  for (const good of [
    "web",
    "demo/web:1",
    "localhost:5000/a/b:v1.2",
    "REG.example.com/a",
    `a@${digest}`,
    digest,
    "[::1]:5000/a",
  ]) {
    assert.equal(isImageName(good), true, good);
  }
  for (const bad of ["", "Web", "demo/Web", "a b", "a:", "a@b", "-a", "a//b", "a:b:c"]) {
    assert.equal(isImageName(bad), false, bad);
  }
});

function auth(user: string): object {
  return { auth: Buffer.from(`${user}:pw`).toString("base64") };
}

test("credentialsFor() chooses the most specific registry entry", () => {
  const auths = {
    "reg.example.com": auth("host"),
    "https://reg.example.com/team": auth("team"),
    "*.other.com": auth("glob"),
    "https://index.docker.io/v1/": auth("hub"),
  };
  const secret: Secret = {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: "s" },
    type: "kubernetes.io/dockerconfigjson",
    data: { ".dockerconfigjson": Buffer.from(JSON.stringify({ auths })).toString("base64") },
  };
  const users = (image: string): readonly (string | undefined)[] =>
    credentialsFor(image, [secret]).map((a) => a.username);
  assert.deepEqual(users("reg.example.com/team/web:1"), ["team", "host"]);
  assert.deepEqual(users("reg.example.com/x"), ["host"]);
  assert.deepEqual(users("a.other.com/x"), ["glob"]);
  assert.deepEqual(users("busybox"), ["hub"]);
  assert.deepEqual(users("elsewhere.org/x"), []);
  // no server address: the runtime would take it for a URL
  assert.deepEqual(credentialsFor("reg.example.com/x", [secret]), [{ username: "host", password: "pw" }]);
});
