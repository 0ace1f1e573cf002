/** An image's files as a volume of a pod. */
import assert from "node:assert/strict";
import { Pods } from "#api/core/v1/pod";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { Registry } from "../../e2e/registry.ts";
import { conformance, WEB_IMAGE } from "../harness/index.ts";

const FOLDER = join(import.meta.dirname, "../../../examples/web");
const PORT = 5055;

conformance(
  "[sig-node] ImageVolume should succeed with pod and pull policy of Always [LinuxOnly]",
  { containers: true },
  async (t) => {
    if (spawnSync("docker-registry", ["--version"]).error !== undefined)
      return t.test.skip("needs docker-registry");
    // Always means that a registry is asked: one of the test's own, on the nodes' bridge.
    const address = `${(await t.cluster.k8ts("ip")).trim().replace(/\.\d+$/, ".1")}:${PORT}`;
    await t.cluster.k8ts("start", `--insecure-registry=${address}`);
    const registry = await Registry.start({ address });
    t.cleanup(() => registry.stop());
    const reference = await registry.push(FOLDER, "files/web:1");
    const metadata = { name: "reader", namespace: t.namespace };
    // The image has /bin of its own: what is shown below /volume can only come from the volume.
    const script = [
      "ls /volume/bin/busybox",
      "touch /volume/new 2>/dev/null && echo writable || echo 'read only'",
      "awk '$2 == \"/volume\" { print $4 }' /proc/mounts | tr , '\\n' | grep -x ro",
    ];
    await t.client.create(
      Pods,
      {
        apiVersion: "v1",
        kind: "Pod",
        metadata,
        spec: {
          restartPolicy: "Never",
          containers: [
            {
              name: "c",
              image: WEB_IMAGE,
              imagePullPolicy: "Never",
              command: ["sh", "-c", script.join("; ")],
              volumeMounts: [{ name: "files", mountPath: "/volume" }],
            },
          ],
          volumes: [{ name: "files", image: { reference, pullPolicy: "Always" } }],
        },
      },
      t.signal,
    );
    const pod = await t.waitFor(Pods, metadata, (now) => now?.status?.phase === "Succeeded");
    assert.equal(pod.spec?.volumes?.[0]?.image?.pullPolicy, "Always");
    const shown = await t.kubectl("logs", metadata.name);
    assert.deepEqual(shown.trimEnd().split("\n"), ["/volume/bin/busybox", "read only", "ro"]);
  },
);
