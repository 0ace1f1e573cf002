/** What a kubelet runs with, told as a KubeletConfiguration: the answer of `/configz`. Pure. @module */
import { formatDuration } from "#apimachinery";
import { DEFAULT_HARD, type EvictionConfig } from "../eviction/thresholds.ts";
import { DEFAULT_IMAGE_GC } from "../images/image-gc-plan.ts";
import { DEFAULT_RESOLV_CONF, type KubeletOptions } from "../options.ts";
import { VOLUME_STATS_MS } from "../volumes/volume-stats.ts";

/** Settings of one value: what else there is is refused when a configuration is read. */
const FIXED = {
  authentication: {
    x509: { clientCAFile: "" },
    webhook: { enabled: true, cacheTTL: "2m0s" },
    anonymous: { enabled: false },
  },
  authorization: {
    mode: "Webhook",
    webhook: { cacheAuthorizedTTL: "5m0s", cacheUnauthorizedTTL: "30s" },
  },
  cgroupDriver: "cgroupfs",
  configMapAndSecretChangeDetectionStrategy: "Watch",
  containerLogMaxWorkers: 1,
  cpuManagerPolicy: "none",
  enableControllerAttachDetach: true,
  enableServer: true,
  hairpinMode: "hairpin-veth",
  localStorageCapacityIsolation: true,
  memoryManagerPolicy: "None",
  memorySwap: {},
  registerNode: true,
  runtimeRequestTimeout: "2m0s",
  serializeImagePulls: false,
  topologyManagerPolicy: "none",
  topologyManagerScope: "container",
} as const;

export function effectiveConfiguration(options: KubeletOptions): object {
  const { eviction = {}, shutdown = {}, server } = options;
  const imageGC = { ...DEFAULT_IMAGE_GC, ...options.imageGC };
  const byPodPriority = shutdown.byPodPriority ?? [];
  return {
    ...FIXED,
    ...(server !== undefined && { address: server.host, port: server.port }),
    allowedUnsafeSysctls: options.allowedUnsafeSysctls ?? [],
    cgroupsPerQOS: options.enableCgroups ?? true,
    clusterDNS: options.clusterDNS,
    clusterDomain: options.clusterDomain,
    containerLogMaxFiles: options.containerLogMaxFiles ?? 5,
    containerLogMaxSize: String(options.containerLogMaxBytes ?? "10Mi"),
    containerLogMonitorInterval: formatDuration(options.containerLogMonitorMs ?? 10_000),
    cpuCFSQuota: options.cpuCFSQuota ?? true,
    cpuCFSQuotaPeriod: formatDuration(options.cpuQuotaPeriodMs ?? 100),
    crashLoopBackOff: { maxContainerRestartPeriod: formatDuration(options.crashLoopBackOffMaxMs ?? 300_000) },
    enableSystemLogHandler: options.enableSystemLogHandler ?? true,
    enableSystemLogQuery: options.enableSystemLogQuery ?? false,
    enforceNodeAllocatable: options.enforceNodeAllocatable ?? ["pods"],
    eventBurst: options.eventBurst ?? 100,
    eventRecordQPS: options.eventRecordQPS ?? 50,
    ...evictionFields(eviction),
    failSwapOn: options.failSwapOn ?? false,
    ...(options.healthz !== undefined && {
      healthzBindAddress: options.healthz.host,
      healthzPort: options.healthz.port,
    }),
    imageGCHighThresholdPercent: imageGC.highThresholdPercent,
    imageGCLowThresholdPercent: imageGC.lowThresholdPercent,
    imageMinimumGCAge: formatDuration(imageGC.minimumAgeMs),
    imageMaximumGCAge: formatDuration(imageGC.maximumAgeMs),
    kubeAPIBurst: options.kubeAPIBurst ?? 100,
    kubeAPIQPS: options.kubeAPIQPS ?? 0,
    kubeReserved: options.kubeReserved ?? {},
    ...(options.kubeReservedCgroup !== undefined && { kubeReservedCgroup: options.kubeReservedCgroup }),
    maxParallelImagePulls: options.parallelImagePullsMax ?? 5,
    maxPods: options.maxPods ?? 110,
    nodeLeaseDurationSeconds: options.nodeLeaseDurationSeconds ?? 40,
    mergeDefaultEvictionSettings: eviction.mergeDefaults ?? false,
    nodeStatusMaxImages: options.nodeStatusMaxImages ?? 50,
    nodeStatusReportFrequency: formatDuration(options.nodeStatusReportMs ?? 300_000),
    nodeStatusUpdateFrequency: formatDuration(options.nodeStatusUpdateMs ?? 10_000),
    podLogsDir: options.podLogsDir,
    ...(options.oomScoreAdj !== undefined && { oomScoreAdj: options.oomScoreAdj }),
    podPidsLimit: options.podPidsLimit ?? -1,
    ...(options.registerWithTaints !== undefined && { registerWithTaints: options.registerWithTaints }),
    podsPerCore: options.podsPerCore ?? 0,
    protectKernelDefaults: options.protectKernelDefaults ?? false,
    registryBurst: options.registryBurst ?? 10,
    registryPullQPS: options.registryPullQPS ?? 0,
    ...(options.reservedSystemCPUs !== undefined && { reservedSystemCPUs: options.reservedSystemCPUs }),
    resolvConf: options.resolvConf ?? DEFAULT_RESOLV_CONF,
    seccompDefault: options.seccompDefault ?? false,
    shutdownGracePeriod: formatDuration((shutdown.gracePeriodSeconds ?? 0) * 1000),
    shutdownGracePeriodCriticalPods: formatDuration((shutdown.gracePeriodCriticalPodsSeconds ?? 0) * 1000),
    ...(byPodPriority.length > 0 && { shutdownGracePeriodByPodPriority: byPodPriority }),
    staticPodPath: options.podManifestPath ?? "",
    systemReserved: options.systemReserved ?? {},
    ...(options.systemReservedCgroup !== undefined && { systemReservedCgroup: options.systemReservedCgroup }),
    userNamespaces: { idsPerPod: options.userNamespacesIdsPerPod ?? 65_536 },
    volumeStatsAggPeriod: formatDuration(options.volumeStatsMs ?? VOLUME_STATS_MS),
  };
}

function evictionFields(eviction: EvictionConfig): object {
  return {
    evictionHard:
      eviction.mergeDefaults === true
        ? { ...DEFAULT_HARD, ...eviction.hard }
        : (eviction.hard ?? DEFAULT_HARD),
    ...(eviction.soft !== undefined && { evictionSoft: eviction.soft }),
    ...(eviction.softGracePeriodMs !== undefined && {
      evictionSoftGracePeriod: Object.fromEntries(
        Object.entries(eviction.softGracePeriodMs).map(([signal, ms]) => [signal, formatDuration(ms)]),
      ),
    }),
    ...(eviction.minimumReclaim !== undefined && { evictionMinimumReclaim: eviction.minimumReclaim }),
    evictionMaxPodGracePeriod: eviction.maxPodGracePeriodSeconds ?? 0,
    evictionPressureTransitionPeriod: formatDuration(eviction.pressureTransitionPeriodMs ?? 300_000),
  };
}
