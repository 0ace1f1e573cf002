import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod } from "#api/core/v1/types.gen";
import type {
  DeviceTaint,
  DeviceTaintRule,
  DeviceToleration,
  ResourceClaim,
  ResourceSlice,
} from "#api/resource/v1/types.gen";
import { newPod, START, START_MS } from "../testing/objects.ts";
import { evictionMs } from "./plan.ts";

const taint: DeviceTaint = { key: "broken", value: "yes", effect: "NoExecute", timeAdded: START };
const pod = newPod("p", {
  node: "n",
  spec: { resourceClaims: [{ name: "gpu", resourceClaimName: "c" }] },
});

function claim(tolerations: readonly DeviceToleration[], uid = "uid-p"): ResourceClaim {
  const result = { request: "r", driver: "d.example.com", pool: "n", device: "gpu-0", tolerations };
  return {
    apiVersion: "resource.k8s.io/v1",
    kind: "ResourceClaim",
    metadata: { name: "c", namespace: "default" },
    spec: {},
    status: {
      allocation: { devices: { results: [result] } },
      reservedFor: [{ resource: "pods", name: "p", uid }],
    },
  };
}

function slice(taints: readonly DeviceTaint[], generation = 1): ResourceSlice {
  return {
    apiVersion: "resource.k8s.io/v1",
    kind: "ResourceSlice",
    metadata: { name: `s${generation}` },
    spec: {
      driver: "d.example.com",
      pool: { name: "n", generation, resourceSliceCount: 1 },
      devices: [{ name: "gpu-0", taints }],
    },
  };
}

function rule(device: string): DeviceTaintRule {
  return {
    apiVersion: "resource.k8s.io/v1",
    kind: "DeviceTaintRule",
    metadata: { name: "r" },
    spec: { deviceSelector: { device }, taint },
  };
}

const exists = { operator: "Exists", effect: "NoExecute" };
const cases: readonly {
  readonly name: string;
  readonly pod?: Pod;
  readonly claim?: ResourceClaim;
  readonly slices?: readonly ResourceSlice[];
  readonly rules?: readonly DeviceTaintRule[];
  readonly want: number | undefined;
}[] = [
  { name: "evicts at once what does not tolerate", want: START_MS },
  {
    name: "heeds a rule that selects the device",
    slices: [slice([])],
    rules: [rule("gpu-0")],
    want: START_MS,
  },
  { name: "ignores a rule about others", slices: [slice([])], rules: [rule("gpu-1")], want: undefined },
  { name: "keeps what tolerates for ever", claim: claim([exists]), want: undefined },
  {
    name: "waits as long as is tolerated",
    claim: claim([{ ...exists, tolerationSeconds: 60 }]),
    want: START_MS + 60_000,
  },
  {
    name: "takes the shortest of the tolerations",
    claim: claim([
      { ...exists, tolerationSeconds: 60 },
      { key: "broken", value: "yes", effect: "NoExecute", tolerationSeconds: 5 },
    ]),
    want: START_MS + 5_000,
  },
  { name: "asks for the effect NoExecute by name", claim: claim([{ operator: "Exists" }]), want: START_MS },
  {
    name: "compares values",
    claim: claim([{ key: "broken", operator: "Equal", value: "no", effect: "NoExecute" }]),
    want: START_MS,
  },
  { name: "keeps pods that use no tainted device", slices: [slice([])], want: undefined },
  {
    name: "leaves other effects to the scheduler",
    slices: [slice([{ ...taint, effect: "NoSchedule" }])],
    want: undefined,
  },
  {
    name: "believes the newest generation of the pool",
    slices: [slice([taint]), slice([], 2)],
    want: undefined,
  },
  { name: "keeps pods that the claim is not reserved for", claim: claim([], "older"), want: undefined },
  {
    name: "keeps pods without a node",
    pod: newPod("p", { spec: { resourceClaims: pod.spec!.resourceClaims! } }),
    want: undefined,
  },
];

for (const { name, claim: own = claim([]), slices = [slice([taint])], rules = [], want, ...more } of cases) {
  test(`evictionMs() ${name}`, () => {
    const subject = more.pod ?? pod;
    assert.equal(evictionMs(subject, { claim: () => own, slices: () => slices, rules: () => rules }), want);
  });
}
