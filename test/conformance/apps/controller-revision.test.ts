/** ControllerRevisions: the templates that a DaemonSet remembers, as objects of their own. */
import assert from "node:assert/strict";
import { ControllerRevisions } from "#api/apps/v1/controllerrevision";
import { DaemonSets } from "#api/apps/v1/daemonset";
import type { ControllerRevision } from "#api/apps/v1/types.gen";
import { retryOnConflict } from "#client";
import { conformance } from "../harness/index.ts";
import { newDaemonSet } from "./workloads.ts";

conformance(
  "[sig-apps] ControllerRevision [Serial] should manage the lifecycle of a ControllerRevision",
  async (t) => {
    const { client, signal, namespace } = t;
    const labelSelector = "app=agent";
    const list = async (selector = labelSelector): Promise<readonly ControllerRevision[]> =>
      (await client.list(ControllerRevisions, { labelSelector: selector, namespace }, signal)).items;
    const set = await client.create(DaemonSets, newDaemonSet(t, "agent"), signal);
    await t.waitFor(DaemonSets, set.metadata, (now) => {
      const { desiredNumberScheduled = 0, numberAvailable } = now?.status ?? {};
      return desiredNumberScheduled > 0 && numberAvailable === desiredNumberScheduled;
    });
    const [first, ...others] = await list();
    assert.equal(others.length, 0);
    assert.equal(first?.revision, 1);
    assert.equal(first.metadata.ownerReferences?.[0]?.uid, set.metadata.uid);

    const mark = {
      type: "strategic",
      body: { metadata: { labels: { [first.metadata.name]: "patched" } } },
    } as const;
    const patched = await client.patch(ControllerRevisions, first.metadata, mark, signal);
    assert.equal(patched.metadata.labels?.[first.metadata.name], "patched");
    assert.equal((await list(`${first.metadata.name}=patched`)).length, 1);

    const { metadata, ...rest } = first;
    const { labels, ownerReferences } = metadata;
    const made = await client.create(
      ControllerRevisions,
      {
        ...rest,
        metadata: { name: "by-hand", namespace, labels: labels!, ownerReferences: ownerReferences! },
        revision: 2,
      },
      signal,
    );
    assert.equal((await list()).length, 2);
    await assert.rejects(
      client.update(ControllerRevisions, { ...made, data: { spec: {} } }, signal),
      /data: Invalid value.*field is immutable/,
    );
    await client.delete(ControllerRevisions, first.metadata, signal);
    await t.waitGone(ControllerRevisions, first.metadata);
    assert.deepEqual(
      (await list()).map(({ metadata: { name } }) => name),
      ["by-hand"],
    );

    const updated = await retryOnConflict(async () => {
      const now = await client.get(ControllerRevisions, made.metadata, signal);
      const marked = { ...now.metadata.labels, updated: "yes" };
      return client.update(
        ControllerRevisions,
        { ...now, metadata: { ...now.metadata, labels: marked } },
        signal,
      );
    }, signal);
    assert.equal(updated.metadata.labels?.["updated"], "yes");
    assert.equal((await list("updated=yes")).length, 1);

    const body = { spec: { template: { spec: { terminationGracePeriodSeconds: 1 } } } };
    await client.patch(DaemonSets, set.metadata, { type: "merge", body }, signal);
    await t.untilList("one for the new template", ControllerRevisions, (all) => all.length === 2);
    await client.deleteCollection(ControllerRevisions, { namespace, labelSelector: "updated=yes" }, signal);
    await t.waitGone(ControllerRevisions, made.metadata);
    assert.deepEqual(
      (await list()).map(({ revision }) => revision),
      [3],
    );
  },
);
