import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock, systemClock, type KubeObject } from "#apimachinery";
import type { FlowSchema } from "#api/flowcontrol/v1/types.gen";
import { merge, refusal, start, type Fixture } from "../server-fixture.ts";

const BASE = "/apis/flowcontrol.apiserver.k8s.io/v1";
const LEVELS = `${BASE}/prioritylevelconfigurations`;
const SCHEMAS = `${BASE}/flowschemas`;

/** The schema once its status says whether its level is there. */
async function dangling(fixture: Fixture, name: string, status: string): Promise<FlowSchema> {
  for (;;) {
    const schema = (await fixture.send("GET", `${SCHEMAS}/${name}`)) as FlowSchema;
    if (schema.status?.conditions?.[0]?.status === status) return schema;
    await systemClock.sleep(1, new AbortController().signal);
  }
}

async function names({ send }: Fixture, path: string): Promise<readonly string[]> {
  const { items } = (await send("GET", path)) as unknown as { items: readonly KubeObject[] };
  return items.map(({ metadata }) => metadata.name);
}

test("a server begins with the levels and schemas of its release, and says who wrote them", async () => {
  const fixture = await start();
  assert.deepEqual(await names(fixture, LEVELS), [
    "catch-all",
    "exempt",
    "global-default",
    "leader-election",
    "node-high",
    "system",
    "workload-high",
    "workload-low",
  ]);
  assert.equal((await names(fixture, SCHEMAS)).length, 11);
  const probes = await dangling(fixture, "probes", "False");
  assert.deepEqual(probes.metadata.annotations, { "apf.kubernetes.io/autoupdate-spec": "true" });
  assert.equal(probes.metadata.generation, 1);
  assert.deepEqual(
    probes.metadata.managedFields?.map(({ manager, operation, subresource }) => [
      manager,
      operation,
      subresource,
    ]),
    [
      ["api-priority-and-fairness-config-consumer-v1", "Apply", "status"],
      ["api-priority-and-fairness-config-producer-v1", "Update", undefined],
    ],
  );
});

test("a schema dangles while its level is not there", async () => {
  const fixture = await start();
  const { send } = fixture;
  const schema = { priorityLevelConfiguration: { name: "later" }, matchingPrecedence: 77 };
  await send("POST", SCHEMAS, {
    apiVersion: "flowcontrol.apiserver.k8s.io/v1",
    kind: "FlowSchema",
    metadata: { name: "early" },
    spec: schema,
  });
  const [condition] = (await dangling(fixture, "early", "True")).status!.conditions!;
  assert.equal(condition!.reason, "NotFound");
  await send("POST", LEVELS, {
    apiVersion: "flowcontrol.apiserver.k8s.io/v1",
    kind: "PriorityLevelConfiguration",
    metadata: { name: "later" },
    spec: { type: "Limited", limited: { limitResponse: { type: "Reject" } } },
  });
  assert.equal((await dangling(fixture, "early", "False")).status!.conditions![0]!.reason, "Found");
  await send("DELETE", `${LEVELS}/later`);
  await dangling(fixture, "early", "True");
});

test("what is mandatory cannot be changed, and comes back when it was deleted", async () => {
  const clock = new FakeClock();
  const { send } = await start({ clock });
  const patch = { spec: { limited: { nominalConcurrencyShares: 50 } } };
  const refused = await refusal(send("PATCH", `${LEVELS}/catch-all`, patch, merge));
  assert.match(refused.message, /spec of 'catch-all' must equal the fixed value/);
  await send("PATCH", `${LEVELS}/exempt`, { spec: { exempt: { lendablePercent: 10 } } }, merge);
  await send("DELETE", `${SCHEMAS}/exempt`);
  await send("DELETE", `${LEVELS}/system`);
  await send("PATCH", `${LEVELS}/workload-low`, patch, merge);
  const gone = await refusal(send("GET", `${SCHEMAS}/exempt`));
  assert.equal(gone.code, 404);
  const untilBack = async (path: string): Promise<KubeObject> => {
    for (;;) {
      const found = await send("GET", path).catch(() => undefined);
      if (found !== undefined) return found;
      await systemClock.sleep(1, new AbortController().signal);
    }
  };
  clock.advance(60_000);
  await untilBack(`${SCHEMAS}/exempt`);
  await untilBack(`${LEVELS}/system`);
  const shares = async (): Promise<unknown> => {
    const { spec } = (await send("GET", `${LEVELS}/workload-low`)) as unknown as {
      spec: { limited: { nominalConcurrencyShares: number } };
    };
    return spec.limited.nominalConcurrencyShares;
  };
  assert.equal(await shares(), 100, "a suggested level is kept as it was while its annotation says so");
  const own = { metadata: { annotations: { "apf.kubernetes.io/autoupdate-spec": "false" } }, ...patch };
  await send("PATCH", `${LEVELS}/workload-low`, own, merge);
  await send("DELETE", `${LEVELS}/system`);
  clock.advance(60_000);
  await untilBack(`${LEVELS}/system`);
  assert.equal(await shares(), 50, "the operator's word counts");
});
