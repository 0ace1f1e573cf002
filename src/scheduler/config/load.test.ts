import assert from "node:assert/strict";
import { test } from "node:test";
import { parseSchedulerConfiguration } from "./load.ts";
import type { NodeResourcesFitArgs } from "./types.ts";

const head = "apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\n";

test("parseSchedulerConfiguration() fills in upstream's defaults", () => {
  const config = parseSchedulerConfiguration(head);
  assert.equal(config.parallelism, 16);
  assert.deepEqual([config.podInitialBackoffSeconds, config.podMaxBackoffSeconds], [1, 10]);
  assert.equal(config.leaderElection.leaseDuration, "15s");
  assert.equal(config.leaderElection.resourceName, "kube-scheduler");
  const [profile] = config.profiles;
  assert.equal(profile!.schedulerName, "default-scheduler");
  assert.deepEqual(profile!.plugins.multiPoint.enabled.slice(0, 5), [
    { name: "SchedulingGates" },
    { name: "PrioritySort" },
    { name: "NodeUnschedulable" },
    { name: "NodeName" },
    { name: "TaintToleration", weight: 3 },
  ]);
  assert.deepEqual(profile!.pluginConfig.find(({ name }) => name === "NodeResourcesFit")!.args, {
    ignoredResources: [],
    ignoredResourceGroups: [],
    scoringStrategy: {
      type: "LeastAllocated",
      resources: [
        { name: "cpu", weight: 1 },
        { name: "memory", weight: 1 },
      ],
    },
  } satisfies NodeResourcesFitArgs);
});

test("parseSchedulerConfiguration() merges a profile's plugins into the default ones", () => {
  const config = parseSchedulerConfiguration(`${head}
profiles:
- schedulerName: packing
  plugins:
    multiPoint:
      enabled: [{name: TaintToleration, weight: 9}, {name: Rack, weight: 4}]
      disabled: [{name: ImageLocality}]
    score:
      disabled: [{name: "*"}]
      enabled: [{name: NodeResourcesFit, weight: 7}]
  pluginConfig:
  - name: NodeResourcesFit
    args:
      scoringStrategy: {type: MostAllocated, resources: [{name: example.com/gpu}]}
  - name: Rack
    args: {anything: goes}
`);
  const { plugins, pluginConfig } = config.profiles[0]!;
  const names = plugins.multiPoint.enabled.map(({ name }) => name);
  assert.equal(names.includes("ImageLocality"), false);
  assert.equal(names.at(-1), "Rack");
  assert.deepEqual(plugins.multiPoint.enabled[4], { name: "TaintToleration", weight: 9 });
  assert.deepEqual(plugins.score, {
    enabled: [{ name: "NodeResourcesFit", weight: 7 }],
    disabled: [{ name: "*" }],
  });
  const argsOf = (plugin: string): unknown => pluginConfig.find(({ name }) => name === plugin)?.args;
  assert.deepEqual((argsOf("NodeResourcesFit") as NodeResourcesFitArgs).scoringStrategy, {
    type: "MostAllocated",
    resources: [{ name: "example.com/gpu", weight: 1 }],
  });
  assert.deepEqual(argsOf("Rack"), { anything: "goes" });
});

const bad: Readonly<Record<string, string>> = {
  "apiVersion: kubescheduler.config.k8s.io/v1beta3\nkind: KubeSchedulerConfiguration":
    'no kind "KubeSchedulerConfiguration" is registered for version "kubescheduler.config.k8s.io/v1beta3"',
  [`${head}paralelism: 3`]: 'strict decoding error: unknown field "paralelism"',
  [`${head}parallelism: 3\nparallelism: 4`]:
    'strict decoding error: yaml: unmarshal errors:\n  line 4: key "parallelism" already set in map',
  [`${head}parallelism: -1`]: "parallelism: Invalid value: -1: should be an integer value greater than zero",
  [`${head}percentageOfNodesToScore: 101`]:
    "percentageOfNodesToScore: Invalid value: 101: not in valid range [0-100]",
  [`${head}podInitialBackoffSeconds: 20`]:
    "podMaxBackoffSeconds: Invalid value: 10: must be greater than or equal to PodInitialBackoffSeconds",
  [`${head}leaderElection: {leaderElect: true, leaseDuration: 5s}`]:
    'leaderElection.leaseDuration: Invalid value: "10s": must be greater than `RenewDeadline`',
  [`${head}profiles: [{schedulerName: a}, {schedulerName: a}]`]:
    'profiles[1].schedulerName: Duplicate value: "profiles[0].schedulerName"',
  [`${head}profiles: [{schedulerName: a}, {}]`]: "profiles[1].schedulerName: Required value",
  [`${head}extenders: [{urlPrefix: "http://x", prioritizeVerb: p, bindVerb: b}, {urlPrefix: "http://y", bindVerb: b}]`]:
    "[extenders[0].weight: Invalid value: 0: must have a positive weight applied to it, extenders: Invalid value: " +
    '"found 2 extenders implementing bind": only one extender can implement bind]',
  [`${head}extenders: [{urlPrefix: "http://x", managedResources: [{name: cpu}]}]`]:
    'extenders[0].managedResources[0].name: Invalid value: "cpu": is an invalid extended resource name',
};

const badArgs: Readonly<Record<string, string>> = {
  "NodeResourcesFit: {scoringStrategy: {type: Best}}":
    'profiles[0].pluginConfig[0].args.scoringStrategy.type: Unsupported value: "Best": supported values: ' +
    '"LeastAllocated", "MostAllocated", "RequestedToCapacityRatio"',
  "NodeResourcesFit: {scoringStrategy: {type: RequestedToCapacityRatio}}":
    "profiles[0].pluginConfig[0].args.scoringStrategy.requestedToCapacityRatio: Required value: " +
    "must be specified when type is RequestedToCapacityRatio",
  "NodeResourcesFit: {scoringStrategi: {}}":
    "strict decoding error: decoding .profiles[0].pluginConfig[0]: strict decoding error: decoding args for plugin " +
    'NodeResourcesFit: strict decoding error: unknown field "scoringStrategi"',
  "NodeResourcesFit: {kind: InterPodAffinityArgs}":
    "decoding .profiles[0].pluginConfig[0]: args for plugin NodeResourcesFit were not of type " +
    "NodeResourcesFitArgs.kubescheduler.config.k8s.io, got InterPodAffinityArgs.kubescheduler.config.k8s.io",
  "InterPodAffinity: {hardPodAffinityWeight: 101}":
    "profiles[0].pluginConfig[0].args.hardPodAffinityWeight: Invalid value: 101: not in valid range [0, 100]",
  "NodeResourcesBalancedAllocation: {resources: [{name: cpu, weight: 2}]}":
    "profiles[0].pluginConfig[0].args.resources[0].weight: Invalid value: 2: must be 1",
  "PodTopologySpread: {defaultConstraints: [{maxSkew: 1, topologyKey: zone, whenUnsatisfiable: ScheduleAnyway}]}":
    'profiles[0].pluginConfig[0].args.defaultingType: Invalid value: "System": when .defaultConstraints are not empty',
  "DefaultPreemption: {minCandidateNodesPercentage: 200}":
    "profiles[0].pluginConfig[0].args.minCandidateNodesPercentage: Invalid value: 200: not in valid range [0, 100]",
  "VolumeBinding: {bindTimeoutSeconds: -1}":
    "profiles[0].pluginConfig[0].args.bindTimeoutSeconds: Invalid value: -1: " +
    "invalid BindTimeoutSeconds, should not be a negative value",
};

for (const [text, message] of Object.entries(bad)) {
  test(`parseSchedulerConfiguration() refuses: ${message}`, () => {
    assert.throws(() => parseSchedulerConfiguration(text), { name: "ConfigError", message });
  });
}

for (const [config, message] of Object.entries(badArgs)) {
  test(`parseSchedulerConfiguration() refuses arguments: ${message}`, () => {
    const [name, ...rest] = config.split(": ");
    const text = `${head}profiles: [{pluginConfig: [{name: ${name}, args: ${rest.join(": ")}}]}]`;
    assert.throws(() => parseSchedulerConfiguration(text), { name: "ConfigError", message });
  });
}
