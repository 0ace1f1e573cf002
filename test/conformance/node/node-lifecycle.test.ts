/** Node objects by themselves: a machine need not stand behind one. */
import assert from "node:assert/strict";
import { Nodes } from "#api/core/v1/node";
import type { Node } from "#api/core/v1/types.gen";
import { isNotFound } from "#apimachinery";
import { retryOnConflict } from "#client";
import { conformance } from "../harness/index.ts";

conformance(
  "[sig-node] Node Lifecycle should run through the lifecycle of a node",
  { containers: true },
  async (t) => {
    const { client, signal, unique } = t;
    const labels = { "made-by": unique };
    const labelSelector = `made-by=${unique}`;
    t.cleanup((undoing) => client.deleteCollection(Nodes, { labelSelector }, undoing));
    const { resourceVersion } = (await client.list(Nodes, { labelSelector }, signal)).metadata;
    const watch = t.watch(Nodes, { labelSelector, resourceVersion: resourceVersion! });
    const node: Node = {
      apiVersion: "v1",
      kind: "Node",
      metadata: { name: unique, labels },
      spec: { unschedulable: true },
    };
    const made = await client.create(Nodes, node, signal);
    assert.ok(made.metadata.uid);
    assert.equal((await watch.next()).type, "ADDED");
    assert.equal((await client.get(Nodes, made.metadata, signal)).spec?.unschedulable, true);

    const patch = { type: "strategic", body: { metadata: { labels: { patched: "yes" } } } } as const;
    assert.deepEqual((await client.patch(Nodes, made.metadata, patch, signal)).metadata.labels, {
      ...labels,
      patched: "yes",
    });
    await watch.until("the patch", ({ object }) => object.metadata.labels?.["patched"] === "yes");
    const listed = await client.list(Nodes, { labelSelector: `${labelSelector},patched=yes` }, signal);
    assert.deepEqual(
      listed.items.map(({ metadata }) => metadata.name),
      [unique],
    );

    // Controllers write to the node too.
    const updated = await retryOnConflict(async () => {
      const now = await client.get(Nodes, made.metadata, signal);
      const metadata = { ...now.metadata, labels: { ...now.metadata.labels, updated: "yes" } };
      return client.update(Nodes, { ...now, metadata }, signal);
    }, signal);
    assert.equal(updated.metadata.labels?.["updated"], "yes");
    await watch.until("the update", ({ object }) => object.metadata.labels?.["updated"] === "yes");

    const condition = { type: "example.com/Tested", status: "True", reason: "Test", message: "by a test" };
    const status = { conditions: [condition], capacity: { pods: "7" } };
    const withStatus = await client.patch(
      Nodes,
      made.metadata,
      { type: "strategic", body: { status } },
      signal,
      {
        subresource: "status",
      },
    );
    assert.equal(withStatus.status?.capacity?.["pods"], "7");
    await watch.until(
      "the status",
      (event) =>
        event.type === "MODIFIED" &&
        (event.object.status?.conditions ?? []).some(({ type }) => type === condition.type),
    );

    await client.deleteCollection(Nodes, { labelSelector }, signal);
    await watch.until("its end", ({ type }) => type === "DELETED");
    await assert.rejects(client.get(Nodes, made.metadata, signal), isNotFound);
  },
);
