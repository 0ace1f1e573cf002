/** Everything a kubelet is given; nothing is read from the environment. @module */
import type { Clock, Logger } from "#apimachinery";
import type { Client } from "#client";
import type { Metrics } from "#component-base";
import type { Runtime } from "#cri";
import type { CertificateMetrics } from "./certificates/certificate-metrics.ts";
import type { EvictionConfig } from "./eviction/thresholds.ts";
import type { Enforcement } from "./node-status/enforcement.ts";
import type { ShutdownConfig } from "./nodeshutdown/plan.ts";
import type { ImageGCPolicy } from "./images/image-gc-plan.ts";
import type { NodePlatform } from "./platform/platform.ts";

export interface Taint {
  readonly key: string;
  readonly value?: string;
  readonly effect: "NoSchedule" | "PreferNoSchedule" | "NoExecute";
}

export const DEFAULT_RESOLV_CONF = "/etc/resolv.conf";

/** PEM. */
export interface ServingCertificates {
  readonly cert: string;
  readonly key: string;
  readonly clientCA: string;
}

/**
 * The HTTPS endpoint for logs, exec, attach, port-forward and metrics. PEM strings throughout. Callers show a client
 * certificate or a token that the API server knows, and it is asked what they may do: the client of the kubelet must be
 * allowed to create TokenReviews and SubjectAccessReviews, as nodes are.
 */
export interface KubeletServerOptions {
  readonly host: string;
  readonly port: number;
  /** Absent: no handshake succeeds until `onCertificate` brings one. */
  readonly cert?: string;
  readonly key?: string;
  /** Certificates that clients must chain to. */
  readonly clientCA: string;
  /** Called once, with what is to be told of every new serving certificate, and of new certificates for `clientCA`. */
  readonly onCertificate?: (use: (changed: Partial<ServingCertificates>) => void) => void;
}

export interface KubeletOptions {
  readonly client: Client;
  readonly clock: Clock;
  /** In [0, 1), for jitter. */
  readonly random: () => number;
  readonly logger: Logger;
  readonly nodeName: string;
  /** Primary address first. */
  readonly nodeIPs: readonly string[];
  /** Default: the node name. */
  readonly hostname?: string;
  readonly runtime: Runtime;
  readonly platform: NodePlatform;
  /** Pods' volumes and plugin data, as /var/lib/kubelet. */
  readonly rootDir: string;
  /** Folder of the volumes that the local-path provisioner makes. Default /var/lib/k8ts/local-path. */
  readonly localPathRoot?: string;
  /** As /var/log/pods. */
  readonly podLogsDir: string;
  readonly clusterDNS: readonly string[];
  readonly clusterDomain: string;
  /** What pods that use the node's resolver are given is read from here, anew for each; "": nothing is. Default /etc/resolv.conf. */
  readonly resolvConf?: string;
  /** Folder of static pod manifests. */
  readonly podManifestPath?: string;
  /** Absent: no endpoint; logs and exec do not work, the node runs pods all the same. */
  readonly server?: KubeletServerOptions;
  /** Shown by `/metrics`. */
  readonly certificateMetrics?: CertificateMetrics;
  /** What the client counts, shown by `/metrics` too. */
  readonly clientMetrics?: Metrics;
  /** For callers in the same process: is given, once, what answers as `/metrics/resource` does. */
  readonly onResourceMetrics?: (scrape: (signal: AbortSignal) => Promise<string>) => void;
  /** Default 110. */
  readonly maxPods?: number;
  /** Assigned to the Node and used by the network, if no controller assigns one. */
  readonly podCIDR?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly registerWithTaints?: readonly Taint[];
  /** Shown in `nodeInfo.kubeletVersion`. Default v1.36.0. */
  readonly version?: string;
  /** How often the node status is computed, and how often it is written though nothing changed. Defaults 10 s and 5 min. */
  readonly nodeStatusUpdateMs?: number;
  readonly nodeStatusReportMs?: number;
  /** Volumes of pods are measured again after so long. Default 1 min. */
  readonly volumeStatsMs?: number;
  /** Default 40. */
  readonly nodeLeaseDurationSeconds?: number;
  /** Image pulls at the same time. Default 5. */
  readonly parallelImagePullsMax?: number;
  /** Bytes after which a container's log is rotated, and files kept. Defaults 10 MiB and 5. */
  readonly containerLogMaxBytes?: number;
  readonly containerLogMaxFiles?: number;
  /** How often logs are looked at. Default 10 s. */
  readonly containerLogMonitorMs?: number;
  /** Whether `/logs/` shows the machine's log files (default true), and whether it answers questions about services (default false). */
  readonly enableSystemLogHandler?: boolean;
  readonly enableSystemLogQuery?: boolean;
  /** Kept from pods, beside what hard eviction thresholds leave free: allocatable = capacity − all of that. Quantities; default none. */
  readonly systemReserved?: Readonly<Record<string, string>>;
  readonly kubeReserved?: Readonly<Record<string, string>>;
  /** Which of these cgroups are bounded. Default: that of all pods. */
  readonly enforceNodeAllocatable?: readonly Enforcement[];
  /** Absolute names of the cgroups of the system's services and of Kubernetes' own; needed when they are bounded. */
  readonly systemReservedCgroup?: string;
  readonly kubeReservedCgroup?: string;
  /** When the node takes resources back from its pods. Default: upstream's hard thresholds; none on simulated nodes. */
  readonly eviction?: EvictionConfig;
  /** When images that nobody uses are removed. */
  readonly imageGC?: Partial<ImageGCPolicy>;
  /** How long pods get when the machine shuts down, by systemd-logind. Default: it does not wait for them. */
  readonly shutdown?: ShutdownConfig;
  /** Containers without a seccomp profile get the runtime's. Default false. */
  readonly seccompDefault?: boolean;
  /** User and group ids of a pod with `hostUsers: false`; a multiple of 65536, which is the default. */
  readonly userNamespacesIdsPerPod?: number;
  /** Kernel settings that pods may ask for beside the safe ones: names, or prefixes that end in `*`. Default none. */
  readonly allowedUnsafeSysctls?: readonly string[];
  /** Processes that a pod may have. Default: as many as the node. */
  readonly podPidsLimit?: number;
  /** Limits of CPU are enforced. Default true. */
  readonly cpuCFSQuota?: boolean;
  /** The period that limits of CPU are counted by. Default 100 ms. */
  readonly cpuQuotaPeriodMs?: number;
  /** The longest that a container which crashes again and again waits. Default 5 min. */
  readonly crashLoopBackOffMaxMs?: number;
  /** Writes of events a second, 0: no bound; and how many at once. Defaults 50 and 100. */
  readonly eventRecordQPS?: number;
  readonly eventBurst?: number;
  /** Requests of the API server a second, beside leases and events; 0: no bound; and how many at once. Defaults 0 and 100. */
  readonly kubeAPIQPS?: number;
  readonly kubeAPIBurst?: number;
  /** CPUs that are the system's own, such as `0-1`: so many are kept from pods, whatever else says so. */
  readonly reservedSystemCPUs?: string;
  /** Pulls a second, 0: no bound; and how many at once. Defaults 0 and 10. What exceeds them fails, and is tried again later. */
  readonly registryPullQPS?: number;
  readonly registryBurst?: number;
  /** A machine that swaps is refused. Default false. */
  readonly failSwapOn?: boolean;
  /** A machine whose kernel settings are not those that Kubernetes wants is refused. Default false. */
  readonly protectKernelDefaults?: boolean;
  /** Of this process. Default: as it was started. */
  readonly oomScoreAdj?: number;
  /** `/healthz` without TLS and without asking who calls; port 0: none. Default none. */
  readonly healthz?: { readonly host: string; readonly port: number };
  /** Images told in the node's status; -1: all. Default 50. */
  readonly nodeStatusMaxImages?: number;
  /** With this, no more pods than so many for each CPU. Default 0: no such bound. */
  readonly podsPerCore?: number;
  /** Of the endpoint; a part of what servers of a cluster speak anyway. */
  readonly tls?: { readonly minVersion?: "TLSv1.3"; readonly ciphers?: readonly string[] };
  /** Without `enableCgroups` pods run in the runtime's own cgroup. Default true. */
  readonly enableCgroups?: boolean;
}
