import assert from "node:assert/strict";
import { test } from "node:test";
import { Pods } from "#api/core/v1/pod";
import { quotaEvaluator } from "#api/core/v1/quota/index";
import type { ResourceQuota } from "#api/core/v1/types.gen";
import { newPod, START_MS } from "../testing/objects.ts";
import { planStatus } from "./plan.ts";

type List = Readonly<Record<string, string>>;

function newQuota(hard: List, status?: { readonly hard?: List; readonly used?: List }): ResourceQuota {
  return {
    apiVersion: "v1",
    kind: "ResourceQuota",
    metadata: { name: "q", namespace: "default" },
    spec: { hard },
    ...(status !== undefined && { status }),
  };
}

const cases: readonly {
  readonly name: string;
  readonly status?: { readonly hard?: List; readonly used?: List };
  readonly pods: number;
  readonly mayLower?: false;
  readonly want: List | undefined;
}[] = [
  { name: "counts what there is", pods: 2, want: { pods: "2" } },
  {
    name: "leaves a status that is right",
    status: { hard: { pods: "5000m" }, used: { pods: "2" } },
    pods: 2,
    want: undefined,
  },
  {
    name: "follows a change of the bounds",
    status: { hard: { pods: "3" }, used: { pods: "2" } },
    pods: 2,
    want: { pods: "2" },
  },
  {
    name: "falls when something went",
    status: { hard: { pods: "5" }, used: { pods: "3" } },
    pods: 2,
    want: { pods: "2" },
  },
  {
    name: "does not take back what admission has counted",
    status: { hard: { pods: "5" }, used: { pods: "3" } },
    pods: 2,
    mayLower: false,
    want: undefined,
  },
];

for (const { name, status, pods, mayLower = true, want } of cases) {
  test(`planStatus() ${name}`, () => {
    const objects = Array.from({ length: pods }, (_, i) => newPod(`p-${i}`));
    const sources = [{ evaluator: quotaEvaluator(Pods) as never, objects: () => objects }];
    const next = planStatus(newQuota({ pods: "5" }, status), sources, mayLower, START_MS);
    assert.deepEqual(next, want && { hard: { pods: "5" }, used: want });
  });
}
