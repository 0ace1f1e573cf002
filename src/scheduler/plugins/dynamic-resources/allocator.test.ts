import assert from "node:assert/strict";
import { test } from "node:test";
import type {
  AllocationResult,
  Device,
  DeviceClaim,
  DeviceClass,
  ResourceClaim,
  ResourceSlice,
  ResourceSliceSpec,
} from "#api/resource/v1/types.gen";
import { AllocatedDevices } from "./allocated-devices.ts";
import { resultOf } from "./allocation-result.ts";
import { allocate, AllocationError, AllocationTimeout, type AllocatorParts } from "./allocator.ts";
import { DeviceSelectors } from "./device-selector.ts";
import { gatherPools } from "./pools.ts";

const DRIVER = "gpu.example.com";
const gpu: DeviceClass = {
  apiVersion: "resource.k8s.io/v1",
  kind: "DeviceClass",
  metadata: { name: "gpu" },
  spec: {},
};

function slice(name: string, spec: Partial<ResourceSliceSpec>, slices = 1): ResourceSlice {
  const pool = { name: "pool", generation: 1, resourceSliceCount: slices };
  return {
    apiVersion: "resource.k8s.io/v1",
    kind: "ResourceSlice",
    metadata: { name },
    spec: { driver: DRIVER, pool, allNodes: true, ...spec },
  };
}

function claim(devices: DeviceClaim): ResourceClaim {
  return {
    apiVersion: "resource.k8s.io/v1",
    kind: "ResourceClaim",
    metadata: { name: "claim", namespace: "default" },
    spec: { devices },
  };
}

const asking = (...requests: readonly object[]): ResourceClaim =>
  claim({
    requests: requests.map((more, i) => ({ name: `r${i}`, exactly: { deviceClassName: "gpu", ...more } })),
  });

interface Setting {
  readonly slices: readonly ResourceSlice[];
  readonly claims: readonly ResourceClaim[];
  readonly allocated?: readonly AllocationResult[];
  readonly isLate?: () => boolean;
}

function run({ slices, claims, allocated = [], isLate = () => false }: Setting) {
  const node = { name: "node", labels: {} };
  const have = new AllocatedDevices();
  for (const allocation of allocated) have.add(allocation);
  const parts: AllocatorParts = {
    pools: gatherPools(slices, node),
    classes: () => gpu,
    allocated: have,
    selectors: new DeviceSelectors(),
    isLate,
  };
  const chosen = allocate(claims, parts);
  return chosen?.map((devices, i) => resultOf(claims[i]!, devices, node.name, () => 0.5));
}

const devicesOf = (results: readonly AllocationResult[] | undefined): string =>
  results === undefined
    ? "none"
    : results.map(({ devices }) => (devices?.results ?? []).map(({ device }) => device).join(" ")).join(", ");

const having = (device: string, more: object = {}): AllocationResult => ({
  devices: { results: [{ request: "r", driver: DRIVER, pool: "pool", device, ...more }] },
});

const part = (name: string, value: string): Device => ({
  name,
  consumesCounters: [{ counterSet: "card", counters: { memory: { value } } }],
});

/** A card with 4 GiB of memory that is used as a whole, in halves or in quarters. */
const partitions = (at: Partial<ResourceSliceSpec> = {}): readonly ResourceSlice[] => {
  const devices = [
    part("whole", "4Gi"),
    part("half-0", "2Gi"),
    part("half-1", "2Gi"),
    part("quarter", "1Gi"),
  ];
  return [
    slice("counters", { sharedCounters: [{ name: "card", counters: { memory: { value: "4Gi" } } }] }, 2),
    slice("devices", { devices, ...at }, 2),
  ];
};

const shared: Device = {
  name: "nic",
  allowMultipleAllocations: true,
  capacity: {
    bandwidth: {
      value: "10G",
      requestPolicy: { default: "1G", validRange: { min: "1G", max: "8G", step: "1G" } },
    },
    queues: { value: "16", requestPolicy: { default: "2", validValues: ["2", "4", "8"] } },
  },
};
const nic = [slice("nic", { devices: [shared] })];
const bandwidth = (amount: string) => ({ capacity: { requests: { bandwidth: amount } } });
const half = having("nic", { shareID: "s", consumedCapacity: { bandwidth: "5G", queues: "4" } });

const cases: readonly (readonly [string, Setting, string])[] = [
  ["the first device that fits", { slices: partitions(), claims: [asking({})] }, "whole"],
  [
    "two parts of one card, going back from the whole",
    { slices: partitions(), claims: [asking({ count: 2 })] },
    "half-0 half-1",
  ],
  ["no more parts than there is memory", { slices: partitions(), claims: [asking({ count: 3 })] }, "none"],
  [
    "what an allocated part leaves",
    { slices: partitions(), claims: [asking({})], allocated: [having("half-1")] },
    "half-0",
  ],
  [
    "nothing of a card that is in use as a whole",
    { slices: partitions(), claims: [asking({})], allocated: [having("whole")] },
    "none",
  ],
  [
    "parts to two claims together",
    { slices: partitions(), claims: [asking({}), asking({})], allocated: [having("quarter")] },
    "none",
  ],
  [
    "nothing when a part on another node has used the counters up",
    {
      slices: [...partitions({ nodeName: "other" }), slice("own", { nodeName: "node", devices: [] })].map(
        (one) => ({ ...one, spec: { ...one.spec, pool: { ...one.spec.pool, resourceSliceCount: 3 } } }),
      ),
      claims: [asking({})],
    },
    "none",
  ],
  ["shares of a device", { slices: nic, claims: [asking({}, bandwidth("2G"))] }, "nic nic"],
  ["a share beside others", { slices: nic, claims: [asking(bandwidth("5G"))], allocated: [half] }, "nic"],
  [
    "no larger share than is left",
    { slices: nic, claims: [asking(bandwidth("5100M"))], allocated: [half] },
    "none",
  ],
  ["no share beyond the range", { slices: nic, claims: [asking(bandwidth("9G"))] }, "none"],
  [
    "no share of a capacity that the device has not",
    { slices: nic, claims: [asking({ capacity: { requests: { cores: "1" } } })] },
    "none",
  ],
  [
    "a device of its own only if it has the capacity that is asked for",
    {
      slices: [
        slice("a", {
          devices: [
            { name: "small", capacity: { memory: { value: "4Gi" } } },
            { name: "large", capacity: { memory: { value: "16Gi" } } },
          ],
        }),
      ],
      claims: [asking({ capacity: { requests: { memory: "8Gi" } } })],
    },
    "large",
  ],
  [
    "devices that need no preparation first",
    {
      slices: [
        slice("a", { devices: [{ name: "slow", bindingConditions: ["Ready"] }] }),
        slice("b", {
          pool: { name: "z", generation: 1, resourceSliceCount: 1 },
          devices: [{ name: "ready" }],
        }),
      ],
      claims: [asking({})],
    },
    "ready",
  ],
];

for (const [name, setting, expected] of cases)
  test(`allocate gives ${name}`, () => assert.equal(devicesOf(run(setting)), expected));

test("allocate writes down what a share consumes, rounded up as the device's policy wants it", () => {
  const [result] = run({
    slices: nic,
    claims: [asking({ capacity: { requests: { bandwidth: "1500M", queues: "3" } } })],
  })!;
  assert.deepEqual(result?.devices?.results, [
    {
      request: "r0",
      driver: DRIVER,
      pool: "pool",
      device: "nic",
      shareID: "88888888-8888-4888-8888-888888888888",
      // 2G: what is rounded to a step is written in powers of two, as upstream
      consumedCapacity: { bandwidth: "1953125Ki", queues: "4" },
    },
  ]);
});

test("allocate writes down what has to become true before the pod is bound, and binds to the node", () => {
  const device = {
    name: "far",
    bindsToNode: true,
    bindingConditions: ["Attached"],
    bindingFailureConditions: ["Lost"],
  };
  const [result] = run({ slices: [slice("a", { devices: [device] })], claims: [asking({})] })!;
  const { bindingConditions, bindingFailureConditions } = result!.devices!.results![0]!;
  assert.deepEqual([bindingConditions, bindingFailureConditions], [["Attached"], ["Lost"]]);
  assert.deepEqual(result?.nodeSelector?.nodeSelectorTerms[0]?.matchFields?.[0]?.values, ["node"]);
});

const failures: readonly (readonly [string, Setting, RegExp])[] = [
  [
    "a pool whose devices consume counters that are not there",
    {
      slices: [
        slice("a", {
          devices: [
            { name: "x", consumesCounters: [{ counterSet: "none", counters: { a: { value: "1" } } }] },
          ],
        }),
      ],
      claims: [asking({})],
    },
    /^invalid resource pools were encountered$/,
  ],
  [
    "more devices than a claim can have",
    { slices: [], claims: [asking({ count: 33 })] },
    /^claim default\/claim: number of requested devices 33 exceeds the claim limit of 32$/,
  ],
  [
    "all devices where a constraint excludes one",
    {
      slices: [
        slice("a", {
          devices: [
            { name: "x", attributes: { model: { string: "a" } } },
            { name: "y", attributes: { model: { string: "b" } } },
          ],
        }),
      ],
      claims: [
        claim({
          requests: [{ name: "r", exactly: { deviceClassName: "gpu", allocationMode: "All" } }],
          constraints: [{ matchAttribute: `${DRIVER}/model` }],
        }),
      ],
    },
    /^claim default\/claim, request r: cannot add device gpu\.example\.com\/pool\/y because a claim constraint would not be satisfied$/,
  ],
];

for (const [name, setting, message] of failures)
  test(`allocate refuses ${name}`, () =>
    assert.throws(
      () => run(setting),
      (err) => err instanceof AllocationError && message.test(err.message),
    ));

test("allocate gives up when the time for a node is over", () => {
  const devices = Array.from({ length: 20 }, (_, i) => ({ name: `d${i}`, attributes: { a: { int: i } } }));
  const claims = [
    claim({
      requests: [
        { name: "r", exactly: { deviceClassName: "gpu", count: 10 } },
        { name: "s", exactly: { deviceClassName: "gpu", count: 11 } },
      ],
    }),
  ];
  assert.throws(
    () => run({ slices: [slice("a", { devices })], claims, isLate: () => true }),
    AllocationTimeout,
  );
});
