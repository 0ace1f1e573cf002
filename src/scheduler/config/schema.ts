/** The fields of KubeSchedulerConfiguration and of the arguments of upstream's plugins: others are mistakes. @module */
import { lookupType } from "#api";
import type { Scalar, Schema, StructSchema } from "#apimachinery";
import { EXTENSION_POINTS } from "../framework/points.ts";

const string = scalar("string");
const boolean = scalar("boolean");
const int32 = scalar("int32");
const int64 = scalar("int64");
const duration = scalar("duration");
const bytes = scalar("bytes");
const typeMeta = { apiVersion: string, kind: string };

const plugin = struct("Plugin", { name: string, weight: int32 });
const pluginSet = struct("PluginSet", { enabled: list(plugin), disabled: list(plugin) });
const plugins = struct(
  "Plugins",
  Object.fromEntries(
    [...EXTENSION_POINTS, "multiPoint", "placementGenerate", "placementScore"].map((point) => [
      point,
      pluginSet,
    ]),
  ),
);

const profile = struct("KubeSchedulerProfile", {
  schedulerName: string,
  percentageOfNodesToScore: int32,
  plugins,
  pluginConfig: list(
    struct("PluginConfig", { name: string, args: { type: "untyped", form: "rawExtension" } }),
  ),
});

const extender = struct("Extender", {
  urlPrefix: string,
  filterVerb: string,
  preemptVerb: string,
  prioritizeVerb: string,
  weight: int64,
  bindVerb: string,
  enableHTTPS: boolean,
  tlsConfig: struct("ExtenderTLSConfig", {
    insecure: boolean,
    serverName: string,
    certFile: string,
    keyFile: string,
    caFile: string,
    certData: bytes,
    keyData: bytes,
    caData: bytes,
  }),
  httpTimeout: duration,
  nodeCacheCapable: boolean,
  managedResources: list(struct("ExtenderManagedResource", { name: string, ignoredByScheduler: boolean })),
  ignorable: boolean,
});

export const configurationSchema: StructSchema = struct("KubeSchedulerConfiguration", {
  ...typeMeta,
  parallelism: int32,
  leaderElection: struct("LeaderElectionConfiguration", {
    leaderElect: boolean,
    leaseDuration: duration,
    renewDeadline: duration,
    retryPeriod: duration,
    resourceLock: string,
    resourceName: string,
    resourceNamespace: string,
  }),
  clientConnection: struct("ClientConnectionConfiguration", {
    kubeconfig: string,
    acceptContentTypes: string,
    contentType: string,
    qps: scalar("double"),
    burst: int32,
  }),
  enableProfiling: boolean,
  enableContentionProfiling: boolean,
  percentageOfNodesToScore: int32,
  podInitialBackoffSeconds: int64,
  podMaxBackoffSeconds: int64,
  profiles: list(profile),
  extenders: list(extender),
  delayCacheUntilActive: boolean,
});

const resources = list(struct("ResourceSpec", { name: string, weight: int64 }));
const shape = list(struct("UtilizationShapePoint", { utilization: int32, score: int32 }));

/** By the name of the plugin. */
export const argsSchemas: Readonly<Record<string, StructSchema>> = {
  DefaultPreemption: args("DefaultPreemptionArgs", {
    minCandidateNodesPercentage: int32,
    minCandidateNodesAbsolute: int32,
  }),
  InterPodAffinity: args("InterPodAffinityArgs", {
    hardPodAffinityWeight: int32,
    ignorePreferredTermsOfExistingPods: boolean,
  }),
  NodeResourcesFit: args("NodeResourcesFitArgs", {
    ignoredResources: list(string),
    ignoredResourceGroups: list(string),
    scoringStrategy: struct("ScoringStrategy", {
      type: string,
      resources,
      requestedToCapacityRatio: struct("RequestedToCapacityRatioParam", { shape }),
    }),
  }),
  PodTopologySpread: args("PodTopologySpreadArgs", {
    defaultConstraints: list(coreType("TopologySpreadConstraint")),
    defaultingType: string,
  }),
  NodeResourcesBalancedAllocation: args("NodeResourcesBalancedAllocationArgs", { resources }),
  VolumeBinding: args("VolumeBindingArgs", { bindTimeoutSeconds: int64, shape }),
  NodeAffinity: args("NodeAffinityArgs", { addedAffinity: coreType("NodeAffinity") }),
  DynamicResources: args("DynamicResourcesArgs", { filterTimeout: duration, bindingTimeout: duration }),
};

function scalar(name: Scalar): Schema {
  return { type: "scalar", scalar: name };
}

function list(items: Schema): Schema {
  return { type: "list", items };
}

function struct(name: string, fields: Readonly<Record<string, Schema>>): StructSchema {
  const entries = Object.entries(fields).map(([key, schema]) => [key, { name: key, schema }] as const);
  return { type: "struct", name, fields: new Map(entries) };
}

function args(name: string, fields: Readonly<Record<string, Schema>>): StructSchema {
  return struct(name, { ...typeMeta, ...fields });
}

function coreType(name: string): StructSchema {
  return lookupType("core/v1", name)!;
}
