/** LimitRanges: what they give to containers that say nothing, what they hold back, and their objects. */
import assert from "node:assert/strict";
import { LimitRanges } from "#api/core/v1/limitrange";
import { Pods } from "#api/core/v1/pod";
import type { LimitRange, LimitRangeItem, Pod, ResourceRequirements } from "#api/core/v1/types.gen";
import { StatusError } from "#apimachinery";
import { CONTAINER, conformance, newPod, type ConformanceContext } from "../harness/index.ts";

const LIMITS: LimitRangeItem = {
  type: "Container",
  min: { cpu: "50m", memory: "100Mi", "ephemeral-storage": "100Gi" },
  max: { cpu: "500m", memory: "500Mi", "ephemeral-storage": "500Gi" },
  default: { cpu: "500m", memory: "500Mi", "ephemeral-storage": "500Gi" },
  defaultRequest: { cpu: "100m", memory: "200Mi", "ephemeral-storage": "200Gi" },
  maxLimitRequestRatio: {},
};

function newRange(
  namespace: string,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): LimitRange {
  return {
    apiVersion: "v1",
    kind: "LimitRange",
    metadata: { name, namespace, labels },
    spec: { limits: [LIMITS] },
  };
}

function podWith(t: ConformanceContext, name: string, resources: ResourceRequirements): Pod {
  return { ...newPod(t, name), spec: { containers: [{ ...CONTAINER, resources }] } };
}

async function resourcesOf(t: ConformanceContext, pod: Pod): Promise<ResourceRequirements | undefined> {
  const made = await t.client.create(Pods, pod, t.signal);
  const { spec } = await t.client.get(Pods, made.metadata, t.signal);
  assert.deepEqual(spec?.containers, made.spec?.containers);
  return spec?.containers[0]?.resources;
}

async function refusal(creating: Promise<unknown>): Promise<string> {
  const err = await creating.then(
    () => assert.fail("It was let through"),
    (failure: unknown) => failure,
  );
  assert.ok(err instanceof StatusError, String(err));
  assert.equal(err.code, 403, err.message);
  return err.message;
}

conformance(
  "[sig-scheduling] LimitRange should create a LimitRange with defaults and ensure pod has those defaults applied.",
  async (t) => {
    const { client, signal, namespace } = t;
    const made = await client.create(LimitRanges, newRange(namespace, "limits"), signal);
    const ref = { namespace, name: "limits" };
    const watch = t.watch(LimitRanges, { namespace, resourceVersion: made.metadata.resourceVersion! });
    const { default: limits, defaultRequest: requests } = LIMITS;
    assert.deepEqual((await client.get(LimitRanges, ref, signal)).spec?.limits[0]?.default, limits);

    assert.deepEqual(await resourcesOf(t, newPod(t, "silent")), { limits, requests });
    const own = { requests: { cpu: "300m", memory: "150Mi" }, limits: { memory: "300Mi" } };
    assert.deepEqual(await resourcesOf(t, podWith(t, "partly", own)), {
      requests: { ...requests, ...own.requests },
      limits: { ...limits, ...own.limits },
    });
    const create = (name: string, amounts: ResourceRequirements): Promise<Pod> =>
      client.create(Pods, podWith(t, name, amounts), signal);
    assert.match(
      await refusal(create("too-little", { requests: { cpu: "10m" } })),
      /^pods "too-little" is forbidden: minimum cpu usage per Container is 50m, but request is 10m$/,
    );
    assert.match(
      await refusal(create("too-much", { limits: { cpu: "600m" } })),
      /maximum cpu usage per Container is 500m, but limit is 600m/,
    );

    const body = { spec: { limits: [{ ...LIMITS, min: { cpu: "5m" }, max: { cpu: "700m" } }] } };
    const patched = await client.patch(LimitRanges, ref, { type: "merge", body }, signal);
    assert.equal(patched.spec?.limits[0]?.max?.["cpu"], "700m");
    await watch.until(
      "the new bounds",
      ({ type, object }) => type === "MODIFIED" && object.spec?.limits[0]?.max?.["cpu"] === "700m",
    );
    const cpu = async (name: string, asked: string): Promise<unknown> =>
      (await resourcesOf(t, podWith(t, name, { requests: { cpu: asked }, limits: { cpu: asked } })))
        ?.requests?.["cpu"];
    assert.equal(await cpu("less", "10m"), "10m");
    assert.equal(await cpu("more", "600m"), "600m");
    assert.match(
      await refusal(create("far-more", { limits: { cpu: "800m" } })),
      /is 700m, but limit is 800m/,
    );

    await client.delete(LimitRanges, ref, signal);
    await watch.until("the deletion", ({ type }) => type === "DELETED");
    assert.equal((await t.http({ path: `/api/v1/namespaces/${namespace}/limitranges/limits` })).status, 404);
    assert.deepEqual(await resourcesOf(t, newPod(t, "free")), {});
  },
);

conformance(
  "[sig-scheduling] LimitRange should list, patch and delete a LimitRange by collection",
  async (t) => {
    const { client, signal, namespace, unique } = t;
    const labels = { test: unique };
    const labelSelector = `test=${unique}`;
    const other = await t.newNamespace();
    await client.create(LimitRanges, newRange(namespace, "one", labels), signal);
    await client.create(LimitRanges, newRange(other, "two", labels), signal);
    const names = async (within?: string): Promise<readonly string[]> => {
      const where = { labelSelector, ...(within !== undefined && { namespace: within }) };
      const { items } = await client.list(LimitRanges, where, signal);
      return items.map(({ metadata }) => metadata.name).toSorted();
    };
    assert.deepEqual(await names(), ["one", "two"]);
    assert.deepEqual(await names(other), ["two"]);

    const body = {
      metadata: { labels: { patched: "yes" } },
      spec: { limits: [{ type: "Container", min: { cpu: "1m" } }] },
    };
    const ref = { namespace, name: "one" };
    const patched = await client.patch(LimitRanges, ref, { type: "strategic", body }, signal);
    assert.deepEqual(patched.metadata.labels, { ...labels, patched: "yes" });
    const got = await client.get(LimitRanges, ref, signal);
    assert.deepEqual(got.spec, patched.spec);
    assert.equal(got.spec?.limits[0]?.min?.["cpu"], "1m");

    await client.deleteCollection(
      LimitRanges,
      { namespace, labelSelector: `${labelSelector},patched=yes` },
      signal,
    );
    assert.deepEqual(await names(), ["two"]);
    await client.delete(LimitRanges, { namespace: other, name: "two" }, signal);
    assert.deepEqual(await names(), []);
  },
);
