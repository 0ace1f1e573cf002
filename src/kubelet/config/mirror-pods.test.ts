import assert from "node:assert/strict";
import { test } from "node:test";
import { alreadyExists, silentLogger } from "#apimachinery";
import type { Client } from "#client";
import type { Pod } from "#api/core/v1/types.gen";
import { MirrorPods } from "./mirror-pods.ts";
import { staticPod } from "./static-pods.ts";

const { signal } = new AbortController();
const pod = staticPod("kind: Pod\nmetadata: {name: web}\nspec: {containers: [{name: c, image: i}]}\n", "n1");
const revised = (uid: string, resourceVersion: string): Pod => ({
  ...pod,
  metadata: { ...pod.metadata, uid, resourceVersion },
});

/** `create` is the API's answer to a new mirror. */
function newMirrors(create: () => Promise<Pod>): MirrorPods {
  const client = { create, delete: () => Promise.resolve() } as unknown as Client;
  return new MirrorPods({ client, logger: silentLogger, nodeName: "n1", nodeUid: () => "node" });
}

test("MirrorPods makes a mirror again whose end was told before the answer to its creation", async () => {
  let made = 0;
  const mirrors: MirrorPods = newMirrors(async () => {
    const mirror = revised(`m${++made}`, String(made));
    if (made > 1) return mirror;
    mirrors.seen(mirror);
    mirrors.gone(mirror);
    return mirror;
  });
  await mirrors.ensure(pod, signal);
  assert.equal(mirrors.of(pod), undefined);
  await mirrors.ensure(pod, signal);
  assert.equal(mirrors.of(pod)?.metadata.uid, "m2");
});

test("MirrorPods keeps what the watch told of a mirror before the answer to its creation", async () => {
  const mirrors: MirrorPods = newMirrors(async () => {
    mirrors.seen(revised("m1", "2"));
    return revised("m1", "1");
  });
  await mirrors.ensure(pod, signal);
  assert.equal(mirrors.of(pod)?.metadata.resourceVersion, "2");
});

test("MirrorPods forgets a mirror, and not the next one of its name", async () => {
  const mirrors = newMirrors(() => Promise.reject(alreadyExists({ group: "", resource: "pods" }, "web-n1")));
  const [old, next] = [revised("m1", "1"), revised("m2", "2")];
  mirrors.seen(old);
  mirrors.seen(next);
  mirrors.gone(old);
  assert.equal(mirrors.of(pod), next);
  mirrors.gone(next);
  await mirrors.ensure(pod, signal);
  assert.deepEqual(mirrors.list(), []);
});
