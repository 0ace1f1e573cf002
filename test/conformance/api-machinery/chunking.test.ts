/** Lists in pages: all of one moment, whatever happens between them; and what is left of that once the moment is forgotten. */
import assert from "node:assert/strict";
import { ConfigMaps } from "#api/core/v1/configmap";
import { PodTemplates } from "#api/core/v1/podtemplate";
import type { PodTemplate } from "#api/core/v1/types.gen";
import type { KubeList } from "#apimachinery";
import { listAll, type Client } from "#client";
import {
  conformance,
  CONTAINER,
  startOwnCluster,
  type ConformanceContext,
  type HttpAnswer,
} from "../harness/index.ts";

const COUNT = 40;

function template(name: string, namespace: string): PodTemplate {
  return {
    apiVersion: "v1",
    kind: "PodTemplate",
    metadata: { name, namespace },
    template: { metadata: { name: "" }, spec: { containers: [CONTAINER] } },
  };
}

async function createTemplates(
  client: Client,
  namespace: string,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const names = Array.from({ length: COUNT }, (_, i) => `template-${String(i).padStart(4, "0")}`);
  await Promise.all(names.map((name) => client.create(PodTemplates, template(name, namespace), signal)));
  return names;
}

function namesOf({ items }: KubeList<PodTemplate>): readonly string[] {
  return items.map(({ metadata }) => metadata.name);
}

async function inPages(t: ConformanceContext, limit: number, names: readonly string[]): Promise<void> {
  const { client, namespace, signal } = t;
  const seen: string[] = [];
  let first: string | undefined;
  let next: string | undefined;
  do {
    const page: KubeList<PodTemplate> = await client.list(
      PodTemplates,
      { namespace, limit, ...(next !== undefined && { continue: next }) },
      signal,
    );
    first ??= page.metadata.resourceVersion;
    assert.equal(page.metadata.resourceVersion, first, "the pages are not of one moment");
    assert.ok(page.items.length <= limit);
    seen.push(...namesOf(page));
    next = page.metadata.continue === "" ? undefined : page.metadata.continue;
    assert.equal(page.metadata.remainingItemCount ?? 0, COUNT - seen.length);
    assert.equal(next === undefined, seen.length === COUNT);
    // what is written meanwhile is none of their business
    const late = `template-0000-late-${limit}-${seen.length}`;
    await client.create(PodTemplates, template(late, namespace), signal);
    await client.delete(PodTemplates, { namespace, name: late }, signal);
  } while (next !== undefined);
  assert.deepEqual(seen, names);
}

conformance(
  "[sig-api-machinery] Servers with support for API chunking should return chunks of results for list calls",
  async (t) => {
    const names = await createTemplates(t.client, t.namespace, t.signal);
    for (const limit of [1, 7, COUNT, COUNT + 1]) await inPages(t, limit, names);
    const whole = await t.client.list(PodTemplates, { namespace: t.namespace }, t.signal);
    assert.deepEqual(namesOf(whole), names);
    assert.equal(whole.metadata.continue ?? "", "");
    const collected: string[] = [];
    for await (const { metadata } of listAll(
      t.client,
      PodTemplates,
      { namespace: t.namespace, limit: 9 },
      t.signal,
    ))
      collected.push(metadata.name);
    assert.deepEqual(collected, names);
    assert.equal(
      (await t.kubectl("get", "podtemplates", "--chunk-size=3", "-o", "name")).split("\n").length - 1,
      COUNT,
    );
    const path = `/api/v1/namespaces/${t.namespace}/podtemplates?continue=nonsense`;
    assert.equal((await t.http({ path })).status, 400);
  },
);

const NAMESPACE = "default";
/** So that a test need not wait the usual five minutes. */
const COMPACTION_MS = 100;

interface Answer extends KubeList<PodTemplate> {
  readonly reason?: string;
}

conformance(
  "[sig-api-machinery] Servers with support for API chunking should support continue listing from the last key if the original version has been compacted away, though the list is inconsistent [Slow]",
  async (t) => {
    const own = await startOwnCluster(t, {
      nodes: 0,
      controllers: false,
      scheduler: false,
      compactionIntervalMs: COMPACTION_MS,
    });
    const { client } = own;
    const names = await createTemplates(client, NAMESPACE, t.signal);
    const page = await client.list(PodTemplates, { namespace: NAMESPACE, limit: 10 }, t.signal);
    assert.deepEqual(namesOf(page), names.slice(0, 10));
    const go = (token: string): Promise<HttpAnswer> =>
      own.http({ path: `/api/v1/namespaces/${NAMESPACE}/podtemplates?limit=10&continue=${token}` });
    // history is forgotten as new history is made
    let answer = await go(page.metadata.continue!);
    for (let i = 0; answer.status === 200; i++) {
      const metadata = { name: `history-${i}`, namespace: NAMESPACE };
      await client.create(ConfigMaps, { apiVersion: "v1", kind: "ConfigMap", metadata }, t.signal);
      answer = await go(page.metadata.continue!);
    }
    assert.equal(answer.status, 410, answer.text);
    const expired = answer.json() as Answer;
    assert.equal(expired.reason, "Expired");
    await client.create(PodTemplates, template("template-9999-late", NAMESPACE), t.signal);
    await client.delete(PodTemplates, { namespace: NAMESPACE, name: names[15]! }, t.signal);
    const rest: string[] = [];
    let revision = "";
    for (let next = expired.metadata.continue; next !== undefined && next !== "";) {
      const more = await go(next);
      assert.equal(more.status, 200, more.text);
      const list = more.json() as Answer;
      rest.push(...namesOf(list));
      revision ||= list.metadata.resourceVersion!;
      assert.equal(list.metadata.resourceVersion, revision, "the rest is not of one moment");
      next = list.metadata.continue;
    }
    assert.ok(BigInt(revision) > BigInt(page.metadata.resourceVersion!));
    assert.deepEqual(rest, [...names.slice(10).filter((name) => name !== names[15]), "template-9999-late"]);
  },
);
