import assert from "node:assert/strict";
import { test } from "node:test";
import type { FlowSchema } from "#api/flowcontrol/v1/types.gen";
import {
  mandatoryFlowSchemas,
  mandatoryPriorityLevels,
  suggestedFlowSchemas,
  suggestedPriorityLevels,
} from "./bootstrap-configuration.ts";
import { isUsable, planSchemas } from "./plan-configuration.ts";
import { planEnsure, type ConfigurationObject } from "./plan-ensure.ts";

const AUTO = "apf.kubernetes.io/autoupdate-spec";

function schema(name: string, matchingPrecedence: number, level = "l"): FlowSchema {
  return {
    apiVersion: "flowcontrol.apiserver.k8s.io/v1",
    kind: "FlowSchema",
    metadata: { name },
    spec: { priorityLevelConfiguration: { name: level }, matchingPrecedence },
  };
}

test("planSchemas orders by precedence, then by name, and frames with what is mandatory", () => {
  const stored = [schema("z", 5), schema("b", 9), schema("a", 9)];
  const { schemas } = planSchemas(stored, new Set(["l"]), 0);
  assert.deepEqual(
    schemas.map(({ metadata }) => metadata.name),
    ["exempt", "z", "a", "b", "catch-all"],
  );
});

test("planSchemas leaves out what refers to no level, and says so in its status", () => {
  const { schemas, updates } = planSchemas([schema("a", 5, "gone")], new Set(["l"]), 0);
  assert.deepEqual(
    schemas.map(({ metadata }) => metadata.name),
    ["exempt", "catch-all"],
  );
  const condition = {
    type: "Dangling",
    status: "True",
    reason: "NotFound",
    message:
      'This FlowSchema references the PriorityLevelConfiguration object named "gone" but there is no such object',
    lastTransitionTime: "1970-01-01T00:00:00Z",
  };
  assert.deepEqual(updates, [{ name: "a", condition }]);
  const told = { ...schema("a", 5, "gone"), status: { conditions: [condition] } };
  assert.deepEqual(planSchemas([told], new Set(["l"]), 99_000).updates, []);
  const found = planSchemas([told], new Set(["gone"]), 99_000).updates[0]?.condition;
  assert.deepEqual([found?.status, found?.reason], ["False", "Found"]);
});

test("isUsable accepts every level of the release, and none whose parts contradict each other", () => {
  for (const level of [...mandatoryPriorityLevels, ...suggestedPriorityLevels]) assert.ok(isUsable(level));
  const [queued] = suggestedPriorityLevels;
  const [reject] = mandatoryPriorityLevels;
  assert.equal(isUsable({ ...queued!, spec: { ...queued!.spec!, type: "Exempt" } }), false);
  assert.equal(isUsable({ ...queued!, metadata: { name: "exempt" } }), false);
  const limited = { ...reject!.spec!.limited!, limitResponse: { type: "Queue" } };
  assert.equal(isUsable({ ...reject!, spec: { type: "Limited", limited } }), false);
});

const [wantedLevel] = suggestedPriorityLevels;
const [mandatoryLevel] = mandatoryPriorityLevels;
const changed = { ...wantedLevel!.spec!, type: "Other" };

function asStored(
  object: ConfigurationObject,
  more: object,
  spec: unknown = object.spec,
): ConfigurationObject {
  return { ...object, metadata: { ...object.metadata, generation: 1, ...more }, spec };
}

const STEPS: readonly [string, ConfigurationObject[], { type: string; auto?: string; isOurs?: boolean }[]][] =
  [
    ["what is missing is created", [], [{ type: "create", auto: "true", isOurs: true }]],
    ["what is right stays", [asStored(wantedLevel!, {})], []],
    [
      "a changed spec is put right",
      [asStored(wantedLevel!, {}, changed)],
      [{ type: "update", auto: "true", isOurs: true }],
    ],
    ["an operator's spec stays", [asStored(wantedLevel!, { annotations: { [AUTO]: "false" } }, changed)], []],
    [
      "a spec that was changed without a word becomes the operator's",
      [asStored(wantedLevel!, { annotations: {}, generation: 2 }, changed)],
      [{ type: "update", auto: "false", isOurs: false }],
    ],
    [
      "a spec that was never changed is still ours",
      [asStored(wantedLevel!, { annotations: { [AUTO]: "perhaps" } }, changed)],
      [{ type: "update", auto: "true", isOurs: true }],
    ],
  ];
for (const [name, objects, expected] of STEPS) {
  test(`planEnsure: ${name}`, () => {
    const steps = planEnsure(objects, { mandatory: [], suggested: [wantedLevel!] });
    const told = steps.map((step) =>
      step.type === "delete"
        ? step
        : {
            type: step.type,
            auto: step.object.metadata.annotations?.[AUTO],
            isOurs: step.object.spec === wantedLevel!.spec,
          },
    );
    assert.deepEqual(told, expected);
  });
}

test("planEnsure keeps what is mandatory, whatever the annotation says", () => {
  const off = asStored(mandatoryLevel!, { annotations: { [AUTO]: "false" } }, { type: "Limited" });
  const [step] = planEnsure([off], { mandatory: [mandatoryLevel!], suggested: [] });
  assert.ok(step?.type === "update");
  assert.equal(step.object.metadata.annotations?.[AUTO], "true");
  assert.equal(step.object.spec, mandatoryLevel!.spec);
});

test("planEnsure lets an operator choose the shares of the exempt level", () => {
  const exempt = mandatoryPriorityLevels.find(({ metadata }) => metadata.name === "exempt")!;
  const own = asStored(
    exempt,
    {},
    { type: "Exempt", exempt: { nominalConcurrencyShares: 7, lendablePercent: 50 } },
  );
  assert.deepEqual(planEnsure([own], { mandatory: [exempt], suggested: [] }), []);
});

test("planEnsure removes what an earlier release brought, and nothing else", () => {
  const wanted = { mandatory: [], suggested: [] };
  const old = asStored(wantedLevel!, { name: "old" });
  const own = asStored(wantedLevel!, { name: "own", annotations: {} });
  const kept = asStored(wantedLevel!, { name: "kept", annotations: { [AUTO]: "false" } });
  assert.deepEqual(planEnsure([old, own, kept], wanted), [{ type: "delete", name: "old" }]);
});

test("every schema of the release names a level of the release", () => {
  const levels = [...mandatoryPriorityLevels, ...suggestedPriorityLevels].map(
    ({ metadata }) => metadata.name,
  );
  for (const { spec } of [...mandatoryFlowSchemas, ...suggestedFlowSchemas]) {
    assert.ok(levels.includes(spec!.priorityLevelConfiguration.name));
  }
});
