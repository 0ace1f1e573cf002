/** Puts the parts of a kubelet together; what each does is written in its own file. @module */
import { Nodes } from "#api/core/v1/node";
import { type BufferedEventRecorder, newEventRecorder, type SharedInformer } from "#client";
import type { Pod, Service } from "#api/core/v1/types.gen";
import type { VersionResponse } from "#cri";
import { MirrorPods } from "./config/mirror-pods.ts";
import { ObjectCache } from "./config/object-cache.ts";
import { IssuingManager } from "./podcertificate/issuing-manager.ts";
import { PodSources } from "./config/pod-sources.ts";
import { ImageManager } from "./images/image-manager.ts";
import { uidOf } from "./container/pod-spec.ts";
import { amountOf, milliCPUToShares } from "./container/resources.ts";
import type { ContainerStarter } from "./kuberuntime/start-container.ts";
import { allocatableOf, capacityOf, type NodeFacts } from "./node-status/build-node.ts";
import { enforcedOf, reservedOf } from "./node-status/reserved.ts";
import { newResourceParts, type ResourceParts } from "./resource-parts.ts";
import { NodeStatusManager } from "./node-status/node-status-manager.ts";
import type { KubeletOptions } from "./options.ts";
import type { MachineInfo, NodePlatform } from "./platform/platform.ts";
import { noCgroups } from "./cgroups/no-cgroups.ts";
import { RuntimeCache } from "./pleg/runtime-cache.ts";
import { readTerminationMessage } from "./pleg/termination-message.ts";
import { Backoff } from "./pod-workers/backoff.ts";
import { NodePodSyncer } from "./pod-workers/node-pod-syncer.ts";
import { PodWorkers } from "./pod-workers/pod-workers.ts";
import { ProbeMetrics } from "./prober/probe-metrics.ts";
import { ProberManager } from "./prober/prober-manager.ts";
import { StatusManager } from "./status/status-manager.ts";
import { LOCAL_PATH_ROOT } from "./volumes/local-path-plan.ts";
import { LocalPathVolumes } from "./volumes/local-path-volumes.ts";
import { TokenManager } from "./volumes/token-manager.ts";
import { releaseImageVolumes } from "./volumes/image-volume.ts";
import type { VolumeManager } from "./volumes/volume-manager.ts";
import { newVolumeParts, type VolumeParts } from "./volumes/volume-parts.ts";
import { parseResolvConf } from "./network/dns.ts";

const DEFAULT_VERSION = "v1.36.0";
const PROBE_USER_AGENT = "kube-probe/1.36";
const HOOK_USER_AGENT = "kube-lifecycle/1.36";
/** Restarts of containers: 10 s doubling to 5 min, forgotten after 10 min. */
const CRASH_BACKOFF = { initialMs: 10_000, maxMs: 300_000 };
const DEFAULTS = { maxPods: 110, updateMs: 10_000, reportMs: 300_000, parallelImagePullsMax: 5 };

export interface KubeletInputs {
  readonly machine: MachineInfo;
  readonly version: VersionResponse;
  readonly resolvConf: string | undefined;
  readonly services: SharedInformer<Service>;
  /** Port that the endpoint listens on; undefined without one. */
  readonly port: number | undefined;
}

export interface KubeletParts {
  readonly cache: RuntimeCache;
  readonly workers: PodWorkers;
  readonly status: StatusManager;
  readonly prober: ProberManager;
  readonly objects: ObjectCache;
  readonly certificates: IssuingManager;
  readonly sources: PodSources;
  readonly nodeStatus: NodeStatusManager;
  readonly volumes: VolumeManager;
  readonly volumeParts: VolumeParts;
  readonly resources: ResourceParts;
  readonly probeMetrics: ProbeMetrics;
  readonly localPaths: LocalPathVolumes;
  readonly syncer: NodePodSyncer;
  /** Makes the upper levels of the pods' cgroups. */
  readonly ensureCgroups: () => Promise<void>;
  readonly flushEvents: () => Promise<void>;
  /** Set once the pods of the API are known; before that nothing is an orphan. */
  readonly sourcesReady: { value: boolean };
}

function nodeFacts(options: KubeletOptions, { machine, version, port }: KubeletInputs): NodeFacts {
  const { nodeName, nodeIPs, hostname = nodeName, labels = {}, registerWithTaints: taints = [] } = options;
  return {
    nodeName,
    hostname,
    nodeIPs,
    machine,
    runtimeVersion: `${version.runtimeName}://${version.runtimeVersion.replace(/^v/u, "")}`,
    kubeletVersion: options.version ?? DEFAULT_VERSION,
    maxPods: options.maxPods ?? DEFAULTS.maxPods,
    reserved: reservedOf(options, machine),
    port,
    labels,
    taints,
    podCIDR: options.podCIDR,
  };
}

/** What every part is made from. */
interface Core {
  readonly options: KubeletOptions;
  readonly inputs: KubeletInputs;
  readonly facts: NodeFacts;
  readonly platform: NodePlatform;
  readonly recorder: BufferedEventRecorder;
  readonly allocatable: Readonly<Record<string, string>>;
  readonly probeMetrics: ProbeMetrics;
  readonly signal: AbortSignal;
  /** The other parts. Only for use when things happen: parts are made one after another. */
  readonly parts: () => KubeletParts;
}

/** The parts know each other through functions, so that none needs to exist before another. */
export function newKubeletParts(
  options: KubeletOptions,
  inputs: KubeletInputs,
  signal: AbortSignal,
): KubeletParts {
  const { client, clock, random, logger, nodeName, rootDir } = options;
  const facts = nodeFacts(options, inputs);
  const platform =
    options.enableCgroups === false ? { ...options.platform, cgroups: noCgroups } : options.platform;
  const source = { client, component: "kubelet", host: nodeName, clock, random, logger };
  const recorder = newEventRecorder(source, signal);
  const allocatable = allocatableOf(capacityOf(facts), facts.reserved);
  // Pods may take what eviction keeps free: they are evicted before the kernel has to kill.
  const enforced = allocatableOf(capacityOf(facts), enforcedOf(options));
  const probeMetrics = new ProbeMetrics();
  const core: Core = { options, inputs, facts, platform, recorder, allocatable, probeMetrics, signal, parts: () => parts };

  const cache = newCache(core);
  const prober = newProber(core, cache);
  const apiPod = (uid: string): Pod | undefined => parts.sources.apiPod(uid);
  const status = new StatusManager({ client, clock, logger, apiPod }, signal);
  const onChange = (uid: string): void => parts.workers.wake(uid);
  const objects = new ObjectCache({ client, clock, random, logger, onChange });
  const nodeStatus = newNodeStatus(core);
  const nodeUid = (): string | undefined => nodeStatus.nodeUid;
  const issuing = { client, clock, random, logger, recorder, nodeName, nodeUid, onChange };
  const certificates = new IssuingManager(issuing);
  const files = { client, host: platform.volumes, rootDir };
  const root = options.localPathRoot ?? LOCAL_PATH_ROOT;
  const localPaths = new LocalPathVolumes({ ...files, clock, logger, root });
  const tokens = new TokenManager(client, clock, random);
  const volumeParts = newVolumeParts({
    ...files,
    clock,
    random,
    logger,
    recorder,
    platform,
    nodeName,
    node: () => nodeStatus.node,
    localPaths,
    tokens,
    allocatableMemoryBytes: amountOf(allocatable, "memory") ?? 0,
    wake: onChange,
    releaseImages: (uid, releasing) =>
      releaseImageVolumes({ imageMounts: options.runtime.imageMounts, ...files }, uid, releasing),
    onInUse: () => nodeStatus.checkSoon(),
  });
  const { volumes } = volumeParts;
  const starter = newStarter(core, objects);
  const resources = newResourceParts({
    options,
    platform,
    recorder,
    allocatable,
    cache,
    workers: () => parts.workers,
    volumes: volumeParts.stats,
    node: () => nodeStatus.node,
    onConditions: () => nodeStatus.checkSoon(),
    onChange: (uid) => {
      const pod = parts.workers.pod(uid);
      if (pod !== undefined) parts.syncer.tryPublish(pod);
      parts.workers.wake(uid);
    },
  });
  const { allocation } = resources;
  const tools = { client, clock, logger, recorder, platform, starter };
  const syncer = new NodePodSyncer({
    ...tools,
    cache,
    status,
    prober,
    volumes,
    objects,
    certificates,
    tokens,
    allocation,
    podPidsLimit: options.podPidsLimit ?? 0,
    backoff: new Backoff(clock, CRASH_BACKOFF),
    runtimeName: inputs.version.runtimeName,
    clusterDNS: options.clusterDNS,
    nodeResolver: parseResolvConf(inputs.resolvConf ?? ""),
    activePods: () => parts.workers.activePods(),
    networkError: () => nodeStatus.networkError,
  });
  const onGone = (uid: string): void => {
    status.forget(uid);
    allocation.remove(uid);
  };
  const workers = new PodWorkers({ syncer, clock, logger, onGone }, signal);
  const sources = newSources(core, { cache, workers, status, prober, nodeStatus, resources });
  const parts: KubeletParts = {
    cache,
    workers,
    status,
    prober,
    objects,
    certificates,
    sources,
    nodeStatus,
    volumes,
    volumeParts,
    resources,
    probeMetrics,
    localPaths,
    syncer,
    flushEvents: () => recorder.flush(),
    sourcesReady: { value: false },
    ensureCgroups: () =>
      platform.cgroups.ensureRoot({
        cpuShares: milliCPUToShares(amountOf(enforced, "cpu") ?? 0),
        memoryLimitBytes: amountOf(enforced, "memory") ?? 0,
      }),
  };
  return parts;
}

type SourceParts = Pick<
  KubeletParts,
  "cache" | "workers" | "status" | "prober" | "nodeStatus" | "resources"
>;

function newSources({ options, recorder, allocatable, signal }: Core, made: SourceParts): PodSources {
  const { client, clock, logger, nodeName, podManifestPath } = options;
  const { cache, workers, status, prober, nodeStatus, resources } = made;
  return new PodSources(
    {
      clock,
      logger,
      recorder,
      workers,
      status,
      prober,
      mirrors: new MirrorPods({ client, logger, nodeName, nodeUid: () => nodeStatus.nodeUid }),
      hasManifests: podManifestPath !== undefined,
      runtimePod: (uid) => cache.get(uid),
      allocatable,
      allocation: resources.allocation,
      underPressure: (pod) => resources.eviction.admit(pod),
      node: () => nodeStatus.node,
      fetchNode: (fetching) => client.get(Nodes, { name: nodeName }, fetching),
    },
    signal,
  );
}

function newCache({ options, platform, signal, parts }: Core): RuntimeCache {
  const { runtime, clock, logger } = options;
  const cache = new RuntimeCache({
    runtime,
    clock,
    logger,
    readMessage: platform.name === "simulated" ? async () => "" : readTerminationMessage,
    onChange: (uid, asksForWork) => {
      const { sourcesReady, workers, prober } = parts();
      if (sourcesReady.value || workers.has(uid)) workers.runtimeChanged(uid, cache.get(uid), asksForWork);
      prober.podChanged(uid);
    },
    signal,
  });
  return cache;
}

function newProber({ options, platform, recorder, parts, probeMetrics }: Core, cache: RuntimeCache): ProberManager {
  const { clock, random, logger, runtime, nodeIPs } = options;
  return new ProberManager({
    clock,
    random,
    logger,
    recorder,
    runtime,
    userAgent: PROBE_USER_AGENT,
    hasNetwork: platform.hasNetwork,
    runtimePod: (uid) => cache.get(uid),
    metrics: probeMetrics,
    podIP: (uid) => podIPOf(parts().workers.pod(uid)?.spec?.hostNetwork, cache.get(uid)?.ips, nodeIPs),
    onResult: (uid, type, ok) => {
      const { workers, syncer } = parts();
      const pod = workers.pod(uid);
      if (pod !== undefined) syncer.tryPublish(pod);
      if (type === "Startup" || (type === "Liveness" && !ok)) workers.wake(uid);
    },
  });
}

function newNodeStatus({ options, platform, facts, recorder, parts }: Core): NodeStatusManager {
  const { client, clock, logger, runtime, nodeStatusUpdateMs, nodeStatusReportMs } = options;
  return new NodeStatusManager({
    client,
    clock,
    logger,
    recorder,
    runtime,
    platform,
    facts,
    pressure: () => parts().resources.eviction.conditions,
    updateMs: nodeStatusUpdateMs ?? DEFAULTS.updateMs,
    reportMs: nodeStatusReportMs ?? DEFAULTS.reportMs,
    volumesInUse: () => parts().volumeParts.volumesInUse(),
    onRuntimeReady: (ready) => {
      const { workers } = parts();
      if (ready) for (const pod of workers.pods()) workers.wake(uidOf(pod));
    },
  });
}

function newStarter(core: Core, objects: ObjectCache): ContainerStarter {
  const { options, inputs, platform, recorder, allocatable, parts } = core;
  const { runtime, clock, logger, rootDir, podLogsDir, clusterDomain, nodeIPs } = options;
  const parallelPullsMax = options.parallelImagePullsMax ?? DEFAULTS.parallelImagePullsMax;
  return {
    killer: { runtime, clock, logger, recorder, userAgent: HOOK_USER_AGENT, hasNetwork: platform.hasNetwork },
    images: new ImageManager({ images: runtime, clock, recorder, parallelPullsMax }),
    objects: {
      configMap: (...args) => objects.configMap(...args),
      secret: (...args) => objects.secret(...args),
      services: () => inputs.services.lister.list(),
    },
    host: platform.volumes,
    ...(runtime.imageMounts !== undefined && { imageMounts: runtime.imageMounts }),
    recursiveReadOnlyMounts: (handler) => parts().nodeStatus.recursiveReadOnlyMounts(handler),
    paths: { rootDir, podLogsDir },
    clusterDomain,
    hostIPs: nodeIPs,
    node: { allocatable, memoryCapacityBytes: inputs.machine.memoryBytes },
  };
}

function podIPOf(
  hostNetwork: boolean | undefined,
  podIPs: readonly string[] | undefined,
  nodeIPs: readonly string[],
): string {
  return (hostNetwork === true ? nodeIPs[0] : podIPs?.[0]) ?? "";
}
