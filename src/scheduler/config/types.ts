/** KubeSchedulerConfiguration (kubescheduler.config.k8s.io/v1) with every default filled in. @module */
import type { NodeAffinity, TopologySpreadConstraint } from "#api/core/v1/types.gen";
import type { ExtensionPoint } from "../framework/points.ts";

export interface KubeSchedulerConfiguration {
  readonly parallelism: number;
  readonly leaderElection: LeaderElection;
  readonly clientConnection: ClientConnection;
  readonly enableProfiling: boolean;
  readonly enableContentionProfiling: boolean;
  /** 0: as many as upstream looks at in a cluster of this size. */
  readonly percentageOfNodesToScore: number;
  readonly podInitialBackoffSeconds: number;
  readonly podMaxBackoffSeconds: number;
  readonly profiles: readonly Profile[];
  readonly extenders: readonly ExtenderConfig[];
  readonly delayCacheUntilActive: boolean;
}

export interface LeaderElection {
  readonly leaderElect: boolean;
  /** In Go's notation. */
  readonly leaseDuration: string;
  readonly renewDeadline: string;
  readonly retryPeriod: string;
  readonly resourceLock: string;
  readonly resourceName: string;
  readonly resourceNamespace: string;
}

export interface ClientConnection {
  readonly kubeconfig: string;
  readonly acceptContentTypes: string;
  readonly contentType: string;
  readonly qps: number;
  readonly burst: number;
}

export interface Profile {
  readonly schedulerName: string;
  readonly percentageOfNodesToScore?: number;
  readonly plugins: Plugins;
  readonly pluginConfig: readonly PluginConfig[];
}

export type Plugins = Readonly<Record<ExtensionPoint | "multiPoint", PluginSet>>;

export interface PluginSet {
  readonly enabled: readonly PluginRef[];
  readonly disabled: readonly PluginRef[];
}

export interface PluginRef {
  readonly name: string;
  readonly weight?: number;
}

export interface PluginConfig {
  readonly name: string;
  /** Of upstream's plugins decoded and defaulted; of others as it was written. */
  readonly args: unknown;
}

export interface DefaultPreemptionArgs {
  readonly minCandidateNodesPercentage: number;
  readonly minCandidateNodesAbsolute: number;
}

export interface InterPodAffinityArgs {
  readonly hardPodAffinityWeight: number;
  readonly ignorePreferredTermsOfExistingPods: boolean;
}

export interface NodeAffinityArgs {
  readonly addedAffinity?: NodeAffinity;
}

export interface ResourceSpec {
  readonly name: string;
  readonly weight: number;
}

export interface UtilizationShapePoint {
  readonly utilization: number;
  readonly score: number;
}

export interface ScoringStrategy {
  readonly type: string;
  readonly resources: readonly ResourceSpec[];
  readonly requestedToCapacityRatio?: { readonly shape?: readonly UtilizationShapePoint[] };
}

export interface NodeResourcesFitArgs {
  readonly ignoredResources: readonly string[];
  readonly ignoredResourceGroups: readonly string[];
  readonly scoringStrategy: ScoringStrategy;
}

export interface NodeResourcesBalancedAllocationArgs {
  readonly resources: readonly ResourceSpec[];
}

export interface PodTopologySpreadArgs {
  readonly defaultConstraints: readonly TopologySpreadConstraint[];
  readonly defaultingType: string;
}

export interface VolumeBindingArgs {
  readonly bindTimeoutSeconds: number;
  readonly shape?: readonly UtilizationShapePoint[];
}

export interface DynamicResourcesArgs {
  /** In Go's notation. Zero: no bound. */
  readonly filterTimeout: string;
  readonly bindingTimeout: string;
}

export interface ExtenderConfig {
  readonly urlPrefix: string;
  readonly filterVerb?: string;
  readonly preemptVerb?: string;
  readonly prioritizeVerb?: string;
  readonly weight?: number;
  readonly bindVerb?: string;
  readonly enableHTTPS?: boolean;
  readonly tlsConfig?: ExtenderTlsConfig;
  /** In Go's notation. */
  readonly httpTimeout?: string;
  readonly nodeCacheCapable?: boolean;
  readonly managedResources?: readonly ExtenderManagedResource[];
  readonly ignorable?: boolean;
}

export interface ExtenderManagedResource {
  readonly name: string;
  readonly ignoredByScheduler?: boolean;
}

export interface ExtenderTlsConfig {
  readonly insecure?: boolean;
  readonly serverName?: string;
  readonly certFile?: string;
  readonly keyFile?: string;
  readonly caFile?: string;
  /** Base64. */
  readonly certData?: string;
  readonly keyData?: string;
  readonly caData?: string;
}
