/** A busybox on a node: what it says is kept, and it goes whatever it does. */
import assert from "node:assert/strict";
import { Pods } from "#api/core/v1/pod";
import { conformance } from "../harness/index.ts";
import { createPod, sh, statusOf, untilEnded } from "./running-pods.ts";

const KUBELET = "[sig-node] Kubelet when scheduling a busybox command";
const containers = { containers: true } as const;

conformance(
  `${KUBELET} in a pod should print the output to logs [NodeConformance]`,
  containers,
  async (t) => {
    const script = "echo Hello World; echo 'of standard error' >&2";
    await createPod(t, "p", { restartPolicy: "Never", containers: [sh("main", script)] });
    await untilEnded(t, "p", "Succeeded");
    const lines = (await t.kubectl("logs", "p")).trimEnd().split("\n");
    assert.deepEqual(lines.toSorted(), ["Hello World", "of standard error"]);
  },
);

conformance(
  `${KUBELET} that always fails in a pod should have an terminated reason [NodeConformance]`,
  containers,
  async (t) => {
    const made = await createPod(t, "p", { containers: [{ ...sh("main", ""), command: ["false"] }] });
    const pod = await t.waitFor(Pods, made.metadata, (now) => {
      const { state, lastState } = now?.status?.containerStatuses?.[0] ?? {};
      return (state?.terminated ?? lastState?.terminated) !== undefined;
    });
    const { state, lastState } = statusOf(pod, "main");
    const terminated = state?.terminated ?? lastState?.terminated;
    assert.deepEqual([terminated?.exitCode, terminated?.reason], [1, "Error"]);
    assert.ok(terminated?.startedAt !== undefined && terminated.finishedAt !== undefined);
  },
);

conformance(
  `${KUBELET} that always fails in a pod should be possible to delete [NodeConformance]`,
  containers,
  async (t) => {
    const made = await createPod(t, "p", { containers: [{ ...sh("main", ""), command: ["false"] }] });
    await t.waitFor(
      Pods,
      made.metadata,
      (now) => now?.status?.containerStatuses?.[0]?.state?.waiting?.reason === "CrashLoopBackOff",
    );
    await t.client.delete(Pods, made.metadata, t.signal);
    await t.waitGone(Pods, made.metadata);
  },
);
