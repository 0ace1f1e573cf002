/** Init containers: one after the other, before all others, and what comes of one that fails. */
import assert from "node:assert/strict";
import { Pods } from "#api/core/v1/pod";
import type { Pod } from "#api/core/v1/types.gen";
import { conformance, type ContainersContext } from "../harness/index.ts";
import { createPod, idle, inside, isReady, sh, statusOf, untilEnded, untilReady } from "./running-pods.ts";

const INIT = "[sig-node] InitContainer [NodeConformance]";
const containers = { containers: true } as const;
const WORK = { volumes: [{ name: "work", emptyDir: {} }] };
const volumeMounts = [{ name: "work", mountPath: "/work" }];

function condition({ status }: Pod, type: string): string | undefined {
  return status?.conditions?.find((one) => one.type === type)?.status;
}

/** Everything that the API has told of the pod since it was made. */
function watchPod(t: ContainersContext, { metadata }: Pod): () => readonly Pod[] {
  const options = { namespace: t.namespace, resourceVersion: metadata.resourceVersion! };
  const watch = t.watch(Pods, options);
  return () => watch.events.flatMap((event) => (event.type === "MODIFIED" ? [event.object] : []));
}

function hasRun(pod: Pod, container: string): boolean {
  const { state, lastState } = statusOf(pod, container);
  return (
    state?.running !== undefined || state?.terminated !== undefined || lastState?.terminated !== undefined
  );
}

conformance(`${INIT} should invoke init containers on a RestartNever pod`, containers, async (t) => {
  await createPod(t, "p", {
    ...WORK,
    restartPolicy: "Never",
    initContainers: [
      sh("init1", "sleep 0.5; echo init1 >>/work/log", { volumeMounts }),
      sh("init2", "echo init2 >>/work/log", { volumeMounts }),
    ],
    containers: [sh("run1", "echo run1 >>/work/log; cat /work/log >/dev/termination-log", { volumeMounts })],
  });
  const pod = await untilEnded(t, "p", "Succeeded");
  assert.equal(condition(pod, "Initialized"), "True");
  for (const name of ["init1", "init2"]) {
    const { state, ready, restartCount } = statusOf(pod, name);
    assert.deepEqual([state?.terminated?.reason, ready, restartCount], ["Completed", true, 0], name);
  }
  assert.equal(statusOf(pod, "run1").state?.terminated?.message, "init1\ninit2\nrun1\n");
});

conformance(`${INIT} should invoke init containers on a RestartAlways pod`, containers, async (t) => {
  const made = await createPod(t, "p", {
    ...WORK,
    initContainers: [
      sh("init1", "sleep 0.5; echo init1 >>/work/log", { volumeMounts }),
      sh("init2", "echo init2 >>/work/log", { volumeMounts }),
    ],
    containers: [idle("run1", { volumeMounts })],
  });
  const told = watchPod(t, made);
  const pod = await untilReady(t, "p");
  assert.equal(condition(pod, "Initialized"), "True");
  assert.equal(await inside(t, "p", "run1", "cat /work/log"), "init1\ninit2\n", "each once, in order");
  for (const state of told().filter(({ status }) => (status?.initContainerStatuses ?? []).length > 0)) {
    const isDone = (name: string): boolean => statusOf(state, name).state?.terminated?.exitCode === 0;
    if (hasRun(state, "init2")) assert.ok(isDone("init1"), "init2 waits for init1");
    if (hasRun(state, "run1")) assert.ok(isDone("init1") && isDone("init2"), "run1 waits for both");
    if (condition(state, "Initialized") === "True") assert.ok(isDone("init2"));
  }
});

conformance(
  `${INIT} should not start app containers if init containers fail on a RestartAlways pod`,
  containers,
  async (t) => {
    const made = await createPod(t, "p", {
      initContainers: [sh("init1", "exit 1"), sh("init2", "true")],
      containers: [idle("run1")],
    });
    const told = watchPod(t, made);
    // The second restart comes ten seconds after the first.
    const pod = await t.waitFor(
      Pods,
      made.metadata,
      (now) => now?.status?.initContainerStatuses?.[0]?.restartCount === 2,
    );
    assert.equal(pod.status?.phase, "Pending");
    const reasons = new Set<string | undefined>();
    for (const state of [...told(), pod]) {
      if (state.status?.initContainerStatuses === undefined) continue;
      assert.equal(state.status.phase, "Pending");
      assert.equal(condition(state, "Initialized"), "False");
      assert.ok(!hasRun(state, "init2") && !hasRun(state, "run1"), "nothing comes after init1");
      reasons.add(statusOf(state, "init1").state?.waiting?.reason);
    }
    assert.ok(reasons.has("CrashLoopBackOff"), [...reasons].join());
    assert.equal(statusOf(pod, "init1").lastState?.terminated?.exitCode, 1);
    assert.equal(statusOf(pod, "run1").state?.waiting?.reason, "PodInitializing");
  },
);

conformance(
  `${INIT} should not start app containers and fail the pod if init containers fail on a RestartNever pod`,
  containers,
  async (t) => {
    const made = await createPod(t, "p", {
      restartPolicy: "Never",
      initContainers: [sh("init1", "true"), sh("init2", "exit 4"), sh("init3", "true")],
      containers: [idle("run1")],
    });
    const told = watchPod(t, made);
    const pod = await untilEnded(t, "p", "Failed");
    assert.equal(statusOf(pod, "init1").state?.terminated?.reason, "Completed");
    const { state, restartCount } = statusOf(pod, "init2");
    assert.deepEqual([state?.terminated?.exitCode, state?.terminated?.reason, restartCount], [4, "Error", 0]);
    assert.ok(condition(pod, "Initialized") === "False" && !isReady(pod));
    for (const one of told().filter(({ status }) => status?.initContainerStatuses !== undefined))
      assert.ok(!hasRun(one, "init3") && !hasRun(one, "run1"), "nothing comes after init2");
  },
);
