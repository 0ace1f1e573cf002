import assert from "node:assert/strict";
import { test } from "node:test";
import type { Taint, Toleration } from "#api/core/v1/types.gen";
import { newPod } from "../testing/objects.ts";
import { toleratedForMs } from "./plan.ts";

const taint: Taint = { key: "k", value: "v", effect: "NoExecute" };

const cases: readonly {
  readonly name: string;
  readonly taints?: readonly Taint[];
  readonly tolerations: readonly Toleration[];
  readonly want: number | undefined;
}[] = [
  { name: "is for ever without taints", taints: [], tolerations: [], want: undefined },
  {
    name: "is for ever with taints that do not evict",
    taints: [{ ...taint, effect: "NoSchedule" }],
    tolerations: [],
    want: undefined,
  },
  { name: "is 0 without a toleration", tolerations: [], want: 0 },
  {
    name: "is 0 when only one of two is tolerated",
    taints: [taint, { ...taint, key: "x" }],
    tolerations: [{ key: "k", operator: "Exists" }],
    want: 0,
  },
  {
    name: "is for ever when tolerated without a limit",
    tolerations: [{ key: "k", value: "v" }],
    want: undefined,
  },
  {
    name: "is for ever when everything is tolerated",
    tolerations: [{ operator: "Exists" }],
    want: undefined,
  },
  { name: "compares values", tolerations: [{ key: "k", value: "other" }], want: 0 },
  { name: "compares effects", tolerations: [{ operator: "Exists", effect: "NoSchedule" }], want: 0 },
  {
    name: "is the limit",
    tolerations: [{ key: "k", operator: "Exists", tolerationSeconds: 300 }],
    want: 300_000,
  },
  {
    name: "takes a negative limit as none at all",
    tolerations: [{ key: "k", operator: "Exists", tolerationSeconds: -1 }],
    want: 0,
  },
  {
    name: "is the shortest of the limits",
    taints: [taint, { key: "x", effect: "NoExecute" }],
    tolerations: [
      { key: "k", operator: "Exists", tolerationSeconds: 300 },
      { key: "x", operator: "Exists", tolerationSeconds: 5 },
    ],
    want: 5_000,
  },
];

for (const { name, taints = [taint], tolerations, want } of cases) {
  test(`toleratedForMs() ${name}`, () =>
    assert.equal(toleratedForMs(newPod("p", { spec: { tolerations } }), taints), want));
}
