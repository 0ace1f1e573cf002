/** Where pods may not go: no room, other labels, a port that is taken. */
import assert from "node:assert/strict";
import { Events } from "#api/core/v1/event";
import { Nodes } from "#api/core/v1/node";
import { Pods } from "#api/core/v1/pod";
import { CONTAINER, conformance, newPod } from "../harness/index.ts";
import { startOwnNode, untilRefused, untilRunning } from "./own-node.ts";

const PREDICATES = "[sig-scheduling] SchedulerPredicates [Serial]";

conformance(`${PREDICATES} validates resource limits of pods that are allowed to run`, async (t) => {
  const { client, signal } = t;
  const node = await startOwnNode(t, 4);
  const { status } = await client.get(Nodes, { name: node.name }, signal);
  assert.equal(status?.allocatable?.["cpu"], "4");
  const pods = await Promise.all(
    ["a", "b", "c"].map((name) => client.create(Pods, node.newPod(name, 1), signal)),
  );
  for (const pod of pods) assert.equal((await untilRunning(t, pod)).spec?.nodeName, node.name);
  const late = await client.create(Pods, node.newPod("late", 2), signal);
  const message = await untilRefused(t, late);
  assert.match(message, /^0\/\d+ nodes are available: .*1 Insufficient cpu/);
  await t.untilList("the same in an event", Events, (all) =>
    all.some(
      (event) =>
        event.reason === "FailedScheduling" &&
        event.involvedObject.name === "late" &&
        event.message === message,
    ),
  );
  const fits = await client.create(Pods, node.newPod("fits", 1), signal);
  await untilRunning(t, fits);
  await client.delete(Pods, fits.metadata, signal);
  await client.delete(Pods, pods[0]!.metadata, signal);
  assert.equal((await untilRunning(t, late)).spec?.nodeName, node.name);
});

conformance(`${PREDICATES} validates that NodeSelector is respected if not matching`, async (t) => {
  const made = newPod(t, "picky");
  const nodeSelector = { [`${t.unique}/label`]: "absent" };
  const pod = await t.client.create(Pods, { ...made, spec: { ...made.spec!, nodeSelector } }, t.signal);
  assert.match(
    await untilRefused(t, pod),
    /^0\/(\d+) nodes are available: \1 node\(s\) didn't match Pod's node affinity\/selector/,
  );
  assert.equal((await t.client.get(Pods, pod.metadata, t.signal)).spec?.nodeName, undefined);
});

conformance(`${PREDICATES} validates that NodeSelector is respected if matching`, async (t) => {
  const { client, signal, unique } = t;
  const { items } = await client.list(Nodes, {}, signal);
  // The last of several: chosen by its label, not by chance.
  const name = items
    .map(({ metadata }) => metadata.name)
    .toSorted()
    .at(-1)!;
  assert.ok(items.length > 1);
  const label = `${unique}/label`;
  t.cleanup((undoing) => {
    const body = [{ op: "remove", path: `/metadata/labels/${unique}~1label` }];
    return client.patch(Nodes, { name }, { type: "json", body }, undoing);
  });
  await client.patch(
    Nodes,
    { name },
    { type: "merge", body: { metadata: { labels: { [label]: "42" } } } },
    signal,
  );
  for (const pod of ["a", "b", "c"]) {
    const made = newPod(t, pod);
    const created = await client.create(
      Pods,
      { ...made, spec: { ...made.spec!, nodeSelector: { [label]: "42" } } },
      signal,
    );
    assert.equal((await untilRunning(t, created)).spec?.nodeName, name);
  }
});

conformance(
  `${PREDICATES} validates that there exists conflict between pods with same hostPort and protocol but one using 0.0.0.0 hostIP`,
  async (t) => {
    const { client, signal } = t;
    const node = await startOwnNode(t, 4);
    const create = (
      name: string,
      port: object,
    ): ReturnType<typeof client.create<ReturnType<typeof newPod>>> => {
      const ports = [{ containerPort: 8080, hostPort: 54_322, ...port }];
      return client.create(Pods, node.newPod(name, 1, { containers: [{ ...CONTAINER, ports }] }), signal);
    };
    const everywhere = await create("everywhere", {});
    await untilRunning(t, everywhere);
    const local = await create("local", { hostIP: "127.0.0.1" });
    assert.match(
      await untilRefused(t, local),
      /1 node\(s\) didn't have free ports for the requested pod ports/,
    );
    await untilRunning(t, await create("datagrams", { hostIP: "127.0.0.1", protocol: "UDP" }));
    await untilRunning(t, await create("elsewhere", { hostPort: 54_323 }));
    await client.delete(Pods, everywhere.metadata, signal);
    await untilRunning(t, local);
  },
);
