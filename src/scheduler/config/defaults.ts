/** Fills in what a KubeSchedulerConfiguration leaves out. @module */
import type { JsonObject } from "#apimachinery";
import { enabledNames, mergePlugins } from "./default-plugins.ts";
import { argsSchemas } from "./schema.ts";
import type {
  ClientConnection,
  ExtenderConfig,
  KubeSchedulerConfiguration,
  LeaderElection,
  NodeResourcesBalancedAllocationArgs,
  PluginConfig,
  PluginSet,
  Profile,
  ResourceSpec,
  ScoringStrategy,
} from "./types.ts";

const DEFAULT_SCHEDULER_NAME = "default-scheduler";

/** What a file says of a profile; `pluginConfig` is decoded already. */
interface ProfileDraft {
  readonly schedulerName?: string;
  readonly percentageOfNodesToScore?: number;
  readonly plugins?: Readonly<Record<string, Partial<PluginSet>>>;
  readonly pluginConfig?: readonly { readonly name?: string; readonly args?: unknown }[];
}

export type ConfigurationDraft = Readonly<{
  [
    K in keyof Omit<KubeSchedulerConfiguration, "profiles" | "leaderElection" | "clientConnection">
  ]?: KubeSchedulerConfiguration[K];
}> & {
  readonly leaderElection?: Partial<LeaderElection>;
  readonly clientConnection?: Partial<ClientConnection>;
  readonly profiles?: readonly ProfileDraft[];
};

export function withDefaults(draft: ConfigurationDraft = {}): KubeSchedulerConfiguration {
  const profiles = (draft.profiles ?? []).length === 0 ? [{}] : draft.profiles!;
  // of several, each needs a name of its own
  const fallback = profiles.length === 1 ? DEFAULT_SCHEDULER_NAME : "";
  const enableProfiling = draft.enableProfiling ?? true;
  return {
    parallelism: draft.parallelism ?? 16,
    leaderElection: leaderElection(draft.leaderElection),
    clientConnection: clientConnection(draft.clientConnection),
    enableProfiling,
    enableContentionProfiling: draft.enableContentionProfiling ?? enableProfiling,
    percentageOfNodesToScore: draft.percentageOfNodesToScore ?? 0,
    podInitialBackoffSeconds: draft.podInitialBackoffSeconds ?? 1,
    podMaxBackoffSeconds: draft.podMaxBackoffSeconds ?? 10,
    profiles: profiles.map((profile) => profileOf(profile, fallback)),
    extenders: (draft.extenders ?? []).map((extender: Partial<ExtenderConfig>) => ({
      urlPrefix: "",
      ...extender,
    })),
    delayCacheUntilActive: draft.delayCacheUntilActive ?? false,
  };
}

function profileOf(draft: ProfileDraft, fallbackName: string): Profile {
  const { schedulerName = fallbackName, percentageOfNodesToScore } = draft;
  const plugins = mergePlugins(draft.plugins);
  const given = (draft.pluginConfig ?? []).map(({ name = "", args }) => ({ name, args: argsOf(name, args) }));
  const missing = enabledNames(plugins).filter(
    (name) => Object.hasOwn(argsSchemas, name) && !given.some((config) => config.name === name),
  );
  const pluginConfig: PluginConfig[] = [
    ...given,
    ...missing.map((name) => ({ name, args: argsOf(name, {}) })),
  ];
  return {
    schedulerName,
    ...(percentageOfNodesToScore !== undefined && { percentageOfNodesToScore }),
    plugins,
    pluginConfig,
  };
}

/** Upstream's recommended defaults. */
function leaderElection(draft: Partial<LeaderElection> = {}): LeaderElection {
  return {
    leaderElect: draft.leaderElect ?? true,
    leaseDuration: orElse(draft.leaseDuration, "15s"),
    renewDeadline: orElse(draft.renewDeadline, "10s"),
    retryPeriod: orElse(draft.retryPeriod, "2s"),
    resourceLock: orElse(draft.resourceLock, "leases"),
    resourceName: orElse(draft.resourceName, "kube-scheduler"),
    resourceNamespace: orElse(draft.resourceNamespace, "kube-system"),
  };
}

function clientConnection(draft: Partial<ClientConnection> = {}): ClientConnection {
  return {
    kubeconfig: draft.kubeconfig ?? "",
    acceptContentTypes: draft.acceptContentTypes ?? "",
    contentType: orElse(draft.contentType, "application/vnd.kubernetes.protobuf"),
    qps: orElse(draft.qps, 50),
    burst: orElse(draft.burst, 100),
  };
}

/** Arguments of a plugin that is not upstream's stay as they are. */
function argsOf(name: string, args: unknown): unknown {
  const complete = ARGS[name];
  return complete === undefined ? args : complete((args ?? {}) as JsonObject);
}

const ARGS: Readonly<Record<string, (args: JsonObject) => unknown>> = {
  DefaultPreemption: ({ minCandidateNodesPercentage = 10, minCandidateNodesAbsolute = 100 }) => ({
    minCandidateNodesPercentage,
    minCandidateNodesAbsolute,
  }),
  InterPodAffinity: ({ hardPodAffinityWeight = 1, ignorePreferredTermsOfExistingPods = false }) => ({
    hardPodAffinityWeight,
    ignorePreferredTermsOfExistingPods,
  }),
  NodeAffinity: (args) => args,
  NodeResourcesFit: ({ ignoredResources = [], ignoredResourceGroups = [], scoringStrategy }) => ({
    ignoredResources,
    ignoredResourceGroups,
    scoringStrategy: scoringStrategyOf(scoringStrategy as Partial<ScoringStrategy> | undefined),
  }),
  NodeResourcesBalancedAllocation: ({ resources }) =>
    ({
      resources: withWeights(resources as readonly ResourceSpec[] | undefined),
    }) satisfies NodeResourcesBalancedAllocationArgs,
  PodTopologySpread: ({ defaultConstraints = [], defaultingType = "" }) => ({
    defaultConstraints,
    defaultingType: defaultingType === "" ? "System" : defaultingType,
  }),
  VolumeBinding: ({ bindTimeoutSeconds = 600, shape }) => ({
    bindTimeoutSeconds,
    ...(shape !== undefined && { shape }),
  }),
  DynamicResources: ({ filterTimeout = "10s", bindingTimeout = "10m0s" }) => ({
    filterTimeout,
    bindingTimeout,
  }),
};

function scoringStrategyOf(draft: Partial<ScoringStrategy> | undefined): ScoringStrategy {
  if (draft === undefined) return { type: "LeastAllocated", resources: CPU_AND_MEMORY };
  return { ...draft, type: draft.type ?? "", resources: withWeights(draft.resources) };
}

const CPU_AND_MEMORY: readonly ResourceSpec[] = [
  { name: "cpu", weight: 1 },
  { name: "memory", weight: 1 },
];

function withWeights(resources: readonly Partial<ResourceSpec>[] | undefined): readonly ResourceSpec[] {
  if (resources === undefined || resources.length === 0) return CPU_AND_MEMORY;
  return resources.map(({ name = "", weight }) => ({ name, weight: orElse(weight, 1) }));
}

/** As upstream, an empty value is none. */
function orElse<T extends string | number>(value: T | undefined, fallback: T): T {
  return value === undefined || value === "" || value === 0 || value === "0s" ? fallback : value;
}
