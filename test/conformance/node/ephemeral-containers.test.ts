/** Containers that are added to a pod that runs. */
import assert from "node:assert/strict";
import { Pods } from "#api/core/v1/pod";
import type { EphemeralContainer, Pod } from "#api/core/v1/types.gen";
import { isInvalid } from "#apimachinery";
import { retryOnConflict } from "#client";
import { conformance, WEB_IMAGE, type ContainersContext } from "../harness/index.ts";
import { createPod, idle, inside, statusOf, untilReady } from "./running-pods.ts";

const EPHEMERAL = "[sig-node] Ephemeral Containers [NodeConformance]";
const containers = { containers: true } as const;
const SUBRESOURCE = { subresource: "ephemeralcontainers" } as const;

function ephemeral(name: string, script: string, targetContainerName?: string): EphemeralContainer {
  const target = targetContainerName === undefined ? {} : { targetContainerName };
  return { name, image: WEB_IMAGE, command: ["sh", "-c", script], ...target };
}

function untilRunning(t: ContainersContext, name: string): Promise<Pod> {
  return t.waitFor(Pods, { namespace: t.namespace, name: "p" }, (pod) =>
    (pod?.status?.ephemeralContainerStatuses ?? []).some(
      (one) => one.name === name && one.state?.running !== undefined,
    ),
  );
}

conformance(`${EPHEMERAL} will start an ephemeral container in an existing pod`, containers, async (t) => {
  const { client, signal } = t;
  const made = await createPod(t, "p", { containers: [idle("main")] });
  await untilReady(t, "p");
  const script = "trap 'exit 0' TERM; echo polo; sleep 3600 & wait";
  const added = ephemeral("debugger", script, "main");
  const body = { spec: { ephemeralContainers: [added] } };
  await client.patch(Pods, made.metadata, { type: "strategic", body }, signal, SUBRESOURCE);
  const pod = await untilRunning(t, "debugger");
  assert.equal(await t.kubectl("logs", "p", "-c", "debugger"), "polo\n");
  // The first process that it sees is its target's.
  assert.match(
    await inside(t, "p", "debugger", "tr '\\0' ' ' </proc/1/cmdline"),
    /trap 'exit 0' TERM; while/,
  );
  const { restartCount, containerID } = statusOf(pod, "main");
  assert.deepEqual([restartCount, containerID], [0, statusOf(await untilReady(t, "p"), "main").containerID]);
  // It is there for good.
  const gone = { type: "merge", body: { spec: { ephemeralContainers: [] } } } as const;
  await assert.rejects(client.patch(Pods, made.metadata, gone, signal, SUBRESOURCE), isInvalid);
});

conformance(
  `${EPHEMERAL} should update the ephemeral containers in an existing pod`,
  containers,
  async (t) => {
    const { client, signal } = t;
    const made = await createPod(t, "p", { containers: [idle("main")] });
    await untilReady(t, "p");
    const add = (container: EphemeralContainer): Promise<unknown> =>
      retryOnConflict(async () => {
        const now = (await client.getSubresource(Pods, made.metadata, "ephemeralcontainers", signal)) as Pod;
        const ephemeralContainers = [...(now.spec?.ephemeralContainers ?? []), container];
        const next = { ...now, spec: { ...now.spec!, ephemeralContainers } };
        return client.updateSubresource(Pods, made.metadata, "ephemeralcontainers", next, signal);
      }, signal);
    const script = "trap 'exit 0' TERM; sleep 3600 & wait";
    await add(ephemeral("first", script));
    await untilRunning(t, "first");
    await add(ephemeral("second", `echo of the second; exit 5`));
    const pod = await t.waitFor(Pods, made.metadata, (now) =>
      (now?.status?.ephemeralContainerStatuses ?? []).some(
        (one) => one.name === "second" && one.state?.terminated !== undefined,
      ),
    );
    assert.equal(statusOf(pod, "second").state?.terminated?.exitCode, 5);
    assert.equal(statusOf(pod, "second").restartCount, 0, "an ephemeral container is not restarted");
    assert.ok(statusOf(pod, "first").state?.running !== undefined);
    assert.equal(pod.status?.phase, "Running");
    assert.deepEqual(
      pod.spec?.ephemeralContainers?.map(({ name }) => name),
      ["first", "second"],
    );
  },
);
