import assert from "node:assert/strict";
import { test } from "node:test";
import { CONFIG_HASH_ANNOTATION, CONFIG_SOURCE_ANNOTATION } from "../container/pod-spec.ts";
import { staticPod } from "./static-pods.ts";

const MANIFEST = `
apiVersion: v1
kind: Pod
metadata: { name: web }
spec:
  containers: [{ name: c, image: "web:1" }]
`;

test("staticPod() binds a manifest to the node and fills in defaults", () => {
  const { metadata, spec } = staticPod(MANIFEST, "n1");
  assert.equal(metadata.name, "web-n1");
  assert.equal(metadata.namespace, "default");
  assert.equal(metadata.annotations?.[CONFIG_SOURCE_ANNOTATION], "file");
  assert.equal(metadata.annotations[CONFIG_HASH_ANNOTATION], metadata.uid);
  assert.equal(spec?.nodeName, "n1");
  assert.equal(spec.restartPolicy, "Always");
  assert.deepEqual(spec.tolerations, [{ operator: "Exists", effect: "NoExecute" }]);
});

test("staticPod() gives a changed manifest, and another node's, another uid", () => {
  const uids = [MANIFEST, MANIFEST, MANIFEST.replace("web:1", "web:2")].map(
    (text) => staticPod(text, "n1").metadata.uid,
  );
  assert.equal(uids[0], uids[1]);
  assert.notEqual(uids[0], uids[2]);
  assert.notEqual(uids[0], staticPod(MANIFEST, "n2").metadata.uid);
});

test("staticPod() refuses what is no pod", () => {
  assert.throws(() => staticPod("kind: Service", "n1"), /not a Pod/u);
  assert.throws(() => staticPod("just text", "n1"), /not a Pod/u);
});
