/** Every operation that the API has for a kind, one after the other; discovery too. @module */
import assert from "node:assert/strict";
import { apiVersionOf, isNotFound, type Kind, type KubeObject } from "#apimachinery";
import { retryOnConflict } from "#client";
import type { ConformanceContext } from "../harness/index.ts";

interface Resources {
  readonly resources: readonly {
    readonly name: string;
    readonly kind: string;
    readonly verbs: readonly string[];
  }[];
}

export interface Operations<T extends KubeObject> {
  readonly kind: Kind<T>;
  /** Valid, and without metadata. */
  readonly body: object;
}

const VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];

export async function checkOperations<T extends KubeObject>(
  t: ConformanceContext,
  { kind, body }: Operations<T>,
): Promise<void> {
  const { client, signal, unique } = t;
  await checkDiscovery(t, kind as unknown as Kind);
  const scope = kind.scope === "Namespaced" ? { namespace: t.namespace } : {};
  const labels = { "made-by": unique };
  const named = (name: string): T =>
    ({
      apiVersion: apiVersionOf(kind),
      kind: kind.kind,
      metadata: { ...scope, name, labels },
      ...body,
    }) as unknown as T;
  const names = ["a", "b", "c"].map((name) => `${unique}-${name}`);
  const [first = ""] = names;
  const mine = { ...scope, labelSelector: `made-by=${unique}` };
  const ref = { ...scope, name: first };
  t.cleanup((undoing) => client.deleteCollection(kind, mine, undoing));
  const before = await client.list(kind, mine, signal);
  const watch = t.watch(kind, { ...mine, resourceVersion: before.metadata.resourceVersion! });
  for (const name of names) {
    const made = await client.create(kind, named(name), signal);
    assert.ok(made.metadata.uid, "a created object has a uid");
    // Controllers may write the status of one before the next is there.
    await watch.until(`an ADDED event of ${name}`, ({ type, object }) => {
      return type === "ADDED" && object.metadata.name === name;
    });
  }
  const read = await client.get(kind, ref, signal);
  assert.equal(read.metadata.name, first);
  const all = await client.list(kind, mine, signal);
  assert.deepEqual(all.items.map(({ metadata }) => metadata.name).toSorted(), names);
  const patch = { type: "merge", body: { metadata: { annotations: { patched: "yes" } } } } as const;
  const patched = await client.patch(kind, ref, patch, signal);
  assert.equal(patched.metadata.annotations?.["patched"], "yes");
  const updated = await retryOnConflict(async () => {
    const now = await client.get(kind, ref, signal);
    const annotations = { ...now.metadata.annotations, updated: "yes" };
    return client.update(kind, { ...now, metadata: { ...now.metadata, annotations } }, signal);
  }, signal);
  assert.equal(updated.metadata.annotations?.["updated"], "yes");
  await watch.until("a MODIFIED event that shows the update", ({ type, object }) => {
    return type === "MODIFIED" && object.metadata.annotations?.["updated"] === "yes";
  });
  await client.delete(kind, ref, signal);
  await watch.until("a DELETED event", ({ type }) => type === "DELETED");
  await assert.rejects(client.get(kind, ref, signal), isNotFound);
  await client.deleteCollection(kind, mine, signal);
  // A controller may have to let them go first.
  for (const name of names.slice(1))
    await watch.until(`the end of ${name}`, ({ type, object }) => {
      return type === "DELETED" && object.metadata.name === name;
    });
  const left = await client.list(kind, mine, signal);
  assert.deepEqual(left.items, []);
}

async function checkDiscovery(t: ConformanceContext, { group, version, kind, names }: Kind): Promise<void> {
  const groups = (await t.http({ path: "/apis" })).json() as { groups: readonly { name: string }[] };
  assert.ok(
    groups.groups.some(({ name }) => name === group),
    `/apis names ${group}`,
  );
  const { resources } = (await t.http({ path: `/apis/${group}/${version}` })).json() as Resources;
  const found = resources.find(({ name }) => name === names.plural);
  assert.equal(found?.kind, kind);
  assert.deepEqual(found.verbs.toSorted(), VERBS);
}

/** `status` of an object: read, replaced and patched by its own path. */
export async function checkStatusOperations<T extends KubeObject>(
  t: ConformanceContext,
  kind: Kind<T>,
  name: string,
  withStatus: (object: T, mark: string) => T,
  markOf: (object: T) => string | undefined,
): Promise<void> {
  const { client, signal } = t;
  const ref = { ...(kind.scope === "Namespaced" && { namespace: t.namespace }), name };
  const readStatus = async (): Promise<T> => (await client.getSubresource(kind, ref, "status", signal)) as T;
  const updated = await retryOnConflict(
    async () => client.updateStatus(kind, withStatus(await readStatus(), "updated"), signal),
    signal,
  );
  assert.equal(markOf(updated), "updated");
  const { status } = withStatus(await readStatus(), "patched") as T & { readonly status: object };
  const patched = await client.patch(kind, ref, { type: "merge", body: { status } }, signal, {
    subresource: "status",
  });
  assert.equal(markOf(patched), "patched");
}
