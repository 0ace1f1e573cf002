/** Puts the parts of a kubelet together; what each does is written in its own file. @module */
import { LOCAL_PATH_ROOT } from "#api/core/v1/local-path-volumes";
import { Nodes } from "#api/core/v1/node";
import { Registry } from "#component-base";
import { type BufferedEventRecorder, type Client, newEventRecorder, type SharedInformer } from "#client";
import type { Node, Pod, Service } from "#api/core/v1/types.gen";
import type { VersionResponse } from "#cri";
import { MirrorPods } from "./config/mirror-pods.ts";
import { ObjectCache } from "./config/object-cache.ts";
import { IssuingManager } from "./podcertificate/issuing-manager.ts";
import { PodSources } from "./config/pod-sources.ts";
import { type DeviceParts, newDeviceParts } from "./devicemanager/device-parts.ts";
import { limitedClient } from "./server/limited-client.ts";
import { ImageManager } from "./images/image-manager.ts";
import { limitedPulls } from "./images/limited-pulls.ts";
import { uidOf } from "./container/pod-spec.ts";
import { amountOf } from "./container/resources.ts";
import type { ContainerStarter } from "./kuberuntime/start-container.ts";
import { capacityOf, nodeAllocatable, runtimeVersionOf, type NodeFacts } from "./node-status/build-node.ts";
import { podsCgroup, reservedCgroups } from "./node-status/enforcement.ts";
import { enforcePods, enforceReserved } from "./node-status/node-allocatable.ts";
import { reservedOf } from "./node-status/reserved.ts";
import { newPrivilegeParts, type PrivilegeInputs, type PrivilegeParts } from "./privilege-parts.ts";
import { newResourceParts, type ResourceParts } from "./resource-parts.ts";
import { NodeStatusManager } from "./node-status/node-status-manager.ts";
import { DEFAULT_RESOLV_CONF, type KubeletOptions } from "./options.ts";
import type { MachineInfo, NodePlatform } from "./platform/platform.ts";
import { noCgroups } from "./cgroups/no-cgroups.ts";
import { CriticalPodAdmission } from "./preemption/critical-pod-admission.ts";
import { rejectionLabel } from "./lifecycle/rejection-label.ts";
import type { NodeStartup } from "./metrics/node-startup.ts";
import {
  imageObserver,
  imageVolumeCounter,
  statusObserver,
  volumeObservers,
  workersObserver,
} from "./metrics/observers.ts";
import { measuredCgroups } from "./metrics/measured-cgroups.ts";
import { PodStartup } from "./metrics/pod-startup.ts";
import { RuntimeCache } from "./pleg/runtime-cache.ts";
import { readTerminationMessage } from "./pleg/termination-message.ts";
import { Backoff, type BackoffOptions } from "./pod-workers/backoff.ts";
import { NodePodSyncer, type SyncerOptions } from "./pod-workers/node-pod-syncer.ts";
import { PodWorkers } from "./pod-workers/pod-workers.ts";
import { ProbeMetrics } from "./prober/probe-metrics.ts";
import { ProberManager } from "./prober/prober-manager.ts";
import type { KubeletMetrics } from "./metrics/kubelet-metrics.ts";
import { PodStartMetrics } from "./metrics/pod-start-metrics.ts";
import { StatusManager } from "./status/status-manager.ts";
import { LocalPathVolumes } from "./volumes/local-path-volumes.ts";
import { TokenManager } from "./volumes/token-manager.ts";
import { releaseImageVolumes } from "./volumes/image-volume.ts";
import type { VolumeManager } from "./volumes/volume-manager.ts";
import { newVolumeParts, type VolumeParts } from "./volumes/volume-parts.ts";
import { checkResolvConf } from "./network/check-resolv-conf.ts";
import { nodeResolver } from "./network/node-resolver.ts";
import type { NodeDNS } from "./network/dns.ts";

const DEFAULT_VERSION = "v1.36.0";
const PROBE_USER_AGENT = "kube-probe/1.36";
const HOOK_USER_AGENT = "kube-lifecycle/1.36";
/** Restarts of containers: 10 s doubling to 5 min, forgotten after 10 min. */
const CRASH_BACKOFF = { initialMs: 10_000, maxMs: 300_000, expireMs: 600_000 };
const DEFAULTS = {
  eventRecordQPS: 50,
  eventBurst: 100,
  maxPods: 110,
  updateMs: 10_000,
  reportMs: 300_000,
  parallelImagePullsMax: 5,
};

export interface KubeletInputs {
  readonly metrics: KubeletMetrics;
  /** Without the bound of the others' requests: events have their own. */
  readonly eventClient: Client;
  readonly machine: MachineInfo;
  readonly version: VersionResponse;
  readonly services: SharedInformer<Service>;
  readonly privileges: PrivilegeInputs;
  readonly nodeStartup: NodeStartup;
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
  readonly privileges: PrivilegeParts;
  readonly devices: DeviceParts;
  readonly probeMetrics: ProbeMetrics;
  readonly localPaths: LocalPathVolumes;
  readonly syncer: NodePodSyncer;
  /** Makes the upper levels of the pods' cgroups, and bounds those of the system; what all pods may have is bound in `enforced`. */
  readonly ensureCgroups: () => Promise<{ readonly enforced: Promise<void> }>;
  readonly flushEvents: () => Promise<void>;
  readonly checkResolvConf: () => Promise<void>;
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
    runtimeVersion: runtimeVersionOf(version),
    kubeletVersion: options.version ?? DEFAULT_VERSION,
    maxPods: podCapacity(options, machine.cpus),
    ...(options.nodeStatusMaxImages !== undefined && { imagesMax: options.nodeStatusMaxImages }),
    reserved: reservedOf(options, machine),
    port,
    labels,
    taints,
    podCIDR: options.podCIDR,
  };
}

function podCapacity({ maxPods = DEFAULTS.maxPods, podsPerCore = 0 }: KubeletOptions, cpus: number): number {
  return podsPerCore > 0 ? Math.min(maxPods, podsPerCore * cpus) : maxPods;
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
  readonly podStarts: PodStartMetrics;
  readonly startup: PodStartup;
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
  const { client, clock, random, logger, nodeName } = options;
  const core = newCore(options, inputs, signal, () => parts);
  const { recorder, probeMetrics } = core;
  const cache = newCache(core);
  const prober = newProber(core, cache);
  const apiPod = (uid: string): Pod | undefined => parts.sources.apiPod(uid);
  const holdsClaims = (uid: string): boolean => parts.devices.dra.holds(uid);
  const status = new StatusManager(
    { client, clock, logger, apiPod, holdsClaims, observer: statusObserver(core) },
    signal,
  );
  const onChange = (uid: string): void => parts.workers.wake(uid);
  const objects = new ObjectCache({ client, clock, random, logger, onChange });
  const nodeStatus = newNodeStatus(core);
  const nodeUid = (): string | undefined => nodeStatus.nodeUid;
  const issuing = { client, clock, random, logger, recorder, nodeName, nodeUid, onChange };
  const certificates = new IssuingManager(issuing);
  const localPaths = newLocalPaths(core);
  const tokens = new TokenManager(client, clock, random);
  const volumeParts = newVolumes(core, { localPaths, tokens });
  const { volumes } = volumeParts;
  const resources = newResources(core, cache, volumeParts);
  const devices = newDevices(core, resources);
  const made = { cache, status, prober, volumes, objects, certificates, tokens };
  const { allocation } = resources;
  const privileges = newPrivileges(core);
  const syncer = newSyncer(core, { ...made, allocation, userns: privileges.userns }, devices);
  const onGone = (uid: string): void => {
    core.podStarts.forget(uid);
    status.forget(uid);
    resources.allocation.remove(uid);
  };
  const onStep = (operation_type: string, seconds: number, uid: string): void => {
    if (operation_type === "create") core.podStarts.workerStarted(uid, seconds);
    inputs.metrics.podTimes.workerSeconds.observe({ operation_type }, seconds);
  };
  const observer = workersObserver(inputs.metrics);
  const workers = new PodWorkers({ syncer, clock, logger, onGone, onStep, observer }, signal);
  const sources = newSources(core, { cache, workers, status, prober, nodeStatus, resources, devices });
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
    privileges,
    devices,
    probeMetrics,
    localPaths,
    syncer,
    flushEvents: () => recorder.flush(),
    checkResolvConf: () => tellOfResolvConf(core),
    sourcesReady: { value: false },
    ensureCgroups: () => ensureCgroups(core),
  };
  return parts;
}

function newCore(
  options: KubeletOptions,
  inputs: KubeletInputs,
  signal: AbortSignal,
  parts: () => KubeletParts,
): Core {
  const { clock, random, logger, nodeName } = options;
  const facts = nodeFacts(options, inputs);
  const cgroups = options.enableCgroups === false ? noCgroups : options.platform.cgroups;
  const platform = { ...options.platform, cgroups: measuredCgroups(cgroups, inputs.metrics, clock) };
  const { eventClient } = inputs;
  const { eventRecordQPS = DEFAULTS.eventRecordQPS, eventBurst = DEFAULTS.eventBurst } = options;
  const limited =
    eventRecordQPS > 0
      ? limitedClient(eventClient, { perSecond: eventRecordQPS, burst: eventBurst, clock })
      : eventClient;
  const source = { client: limited, component: "kubelet", host: nodeName, clock, random, logger };
  const recorder = newEventRecorder(source, signal);
  const allocatable = nodeAllocatable(capacityOf(facts), facts.reserved);
  const probeMetrics = new ProbeMetrics();
  const podStarts = new PodStartMetrics(inputs.metrics.podTimes, clock);
  const startup = new PodStartup(inputs.metrics.podTimes, clock);
  const made = { probeMetrics, podStarts, startup };
  return { options, inputs, facts, platform, recorder, allocatable, ...made, signal, parts };
}

function tellOfResolvConf(core: Core): Promise<void> {
  const { nodeName, clusterDomain, resolvConf: path = DEFAULT_RESOLV_CONF } = core.options;
  const { recorder } = core;
  return checkResolvConf({ recorder, nodeName, path, resolver: () => resolverOf(core), clusterDomain });
}

function resolverOf({ options, platform }: Core): Promise<NodeDNS> {
  const { nodeIPs, resolvConf: path = DEFAULT_RESOLV_CONF } = options;
  return nodeResolver({ platform, path, nodeIPs });
}

/** Pods may take what eviction keeps free: they are evicted before the kernel has to kill. */
async function ensureCgroups({
  options,
  facts,
  platform,
  recorder,
  signal,
}: Core): Promise<{ readonly enforced: Promise<void> }> {
  const { clock, nodeName } = options;
  const { processesMax } = await platform.usage();
  const sizes = Object.keys(facts.machine.hugepages);
  const pods = podsCgroup({ ...capacityOf(facts), pid: String(processesMax) }, options, sizes);
  await platform.cgroups.ensureRoot(pods);
  const reserved = reservedCgroups(options, sizes);
  const enforcing = { clock, recorder, cgroups: platform.cgroups, nodeName, pods, reserved };
  await enforceReserved(enforcing);
  return { enforced: enforcePods(enforcing, signal) };
}

function newLocalPaths({ options, platform, parts }: Core): LocalPathVolumes {
  const { client, clock, logger, rootDir, localPathRoot: root = LOCAL_PATH_ROOT } = options;
  const files = { client, host: platform.volumes, rootDir };
  const node = (): Node | undefined => parts().nodeStatus.node;
  return new LocalPathVolumes({ ...files, node, clock, logger, root });
}

function newVolumes(
  { options, inputs, platform, recorder, allocatable, parts }: Core,
  made: { readonly localPaths: LocalPathVolumes; readonly tokens: TokenManager },
): VolumeParts {
  const { client, clock, random, logger, nodeName, rootDir, runtime } = options;
  const files = { client, host: platform.volumes, rootDir };
  return newVolumeParts({
    ...files,
    ...made,
    clock,
    random,
    logger,
    recorder,
    platform,
    nodeName,
    statsMs: options.volumeStatsMs,
    node: () => parts().nodeStatus.node,
    allocatableMemoryBytes: amountOf(allocatable, "memory") ?? 0,
    onOperation: (volume_plugin, operation_name, status, seconds) =>
      inputs.metrics.storage.operationSeconds.observe(
        { volume_plugin, operation_name, status, migrated: "false" },
        seconds,
      ),
    ...volumeObservers(inputs.metrics.storage),
    wake: (uid) => parts().workers.wake(uid),
    releaseImages: (uid, releasing) =>
      releaseImageVolumes({ imageMounts: runtime.imageMounts, ...files }, uid, releasing),
    onInUse: () => parts().nodeStatus.checkSoon(),
    pluginHandlers: () => parts().devices.pluginHandlers,
  });
}

function newResources(
  { options, inputs, platform, recorder, allocatable, parts }: Core,
  cache: RuntimeCache,
  volumeParts: VolumeParts,
): ResourceParts {
  return newResourceParts({
    options,
    metrics: inputs.metrics,
    platform,
    recorder,
    allocatable,
    cache,
    workers: () => parts().workers,
    volumes: volumeParts.stats,
    node: () => parts().nodeStatus.node,
    onConditions: () => parts().nodeStatus.checkSoon(),
    onChange: (uid) => {
      const { workers, syncer } = parts();
      const pod = workers.pod(uid);
      if (pod !== undefined) syncer.tryPublish(pod);
      workers.wake(uid);
    },
  });
}

function newDevices({ options, parts }: Core, { metrics }: ResourceParts): DeviceParts {
  return newDeviceParts({
    options,
    registry: options.server === undefined ? new Registry() : metrics.registry,
    pods: () => parts().workers.pods(),
    node: () => parts().nodeStatus.node,
    activePods() {
      const { workers, sources, sourcesReady } = parts();
      return sourcesReady.value ? [...workers.activePods(), ...sources.waitingPods()] : undefined;
    },
    onCapacity: () => parts().nodeStatus.checkSoon(),
    onHealth(uid) {
      const { workers, syncer } = parts();
      const pod = workers.pod(uid);
      if (pod !== undefined) syncer.tryPublish(pod);
    },
  });
}

function newPrivileges({ options, inputs, facts, recorder, parts }: Core): PrivilegeParts {
  return newPrivilegeParts({
    options,
    metrics: inputs.metrics,
    inputs: inputs.privileges,
    maxPods: facts.maxPods,
    recorder,
    node: () => parts().nodeStatus.node,
    nodeStatus: () => parts().nodeStatus,
    workers: () => parts().workers,
  });
}

type SyncerParts = Pick<
  SyncerOptions,
  "cache" | "status" | "prober" | "volumes" | "objects" | "certificates" | "tokens" | "allocation" | "userns"
>;

function newSyncer(core: Core, made: SyncerParts, devices: DeviceParts): NodePodSyncer {
  const { options, inputs, platform, recorder, parts } = core;
  const { client, clock, logger } = options;
  return new NodePodSyncer({
    ...made,
    client,
    clock,
    logger,
    recorder,
    platform,
    starter: newStarter(core, { objects: made.objects, devices: devices.containers }),
    devices: devices.manager,
    dra: devices.dra,
    podPidsLimit: options.podPidsLimit ?? 0,
    backoff: new Backoff(clock, crashBackoff(options)),
    runtimeName: inputs.version.runtimeName,
    clusterDNS: options.clusterDNS,
    nodeResolver: () => resolverOf(core),
    node: () => parts().nodeStatus.node,
    activePods: () => parts().workers.activePods(),
    networkError: () => parts().nodeStatus.networkError,
    onStatus: (uid, status) => core.podStarts.told(uid, status),
    onContainers: (pod, containers) => core.startup.saw(pod, containers),
    onResized: (success, ms) => inputs.metrics.resizes.milliseconds.observe({ success: String(success) }, ms),
    onRejection: (reason) => inputs.metrics.pods.rejections.inc({ reason: rejectionLabel(reason) }),
  });
}

function crashBackoff({
  crashLoopBackOffMaxMs: maxMs = CRASH_BACKOFF.maxMs,
}: KubeletOptions): BackoffOptions {
  return { ...CRASH_BACKOFF, maxMs, initialMs: Math.min(CRASH_BACKOFF.initialMs, maxMs) };
}

type SourceParts = Pick<
  KubeletParts,
  "cache" | "workers" | "status" | "prober" | "nodeStatus" | "resources" | "devices"
>;

function newSources(
  { options, recorder, allocatable, podStarts, startup, signal, parts }: Core,
  made: SourceParts,
): PodSources {
  const { client, clock, logger, nodeName, podManifestPath } = options;
  const { cache, workers, status, prober, nodeStatus, resources, devices } = made;
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
      devices: devices.manager,
      preemption: new CriticalPodAdmission({
        clock,
        logger,
        recorder,
        heldPods: () => workers.activePods().map((pod) => resources.allocation.heldPod(pod)),
        terminate: (uid, kill) => workers.terminate(uid, kill),
        whenGone: (uid) => workers.whenFinished(uid),
        onPreemption: (resource) => resources.metrics.preemptions.inc({ preemption_signal: resource }),
      }),
      onSeen: (uid) => podStarts.seen(uid),
      onObserved: (pod, before) => {
        startup.observed(pod);
        if (before !== undefined) resources.metrics.resizes.requested(before, pod);
      },
      onDeleted: (uid) => startup.forget(uid),
      onRejection: (reason) => resources.metrics.pods.rejections.inc({ reason: rejectionLabel(reason) }),
      underPressure: (pod) => parts().privileges.admit(pod) ?? resources.eviction.admit(pod),
      node: () => nodeStatus.node,
      fetchNode: (fetching) => client.get(Nodes, { name: nodeName }, fetching),
    },
    signal,
  );
}

function newCache({ options, inputs, platform, signal, parts }: Core): RuntimeCache {
  const { runtime, clock, logger, nodeIPs } = options;
  const cache = new RuntimeCache({
    runtime,
    nodeIPs,
    clock,
    logger,
    readMessage: platform.name === "simulated" ? async () => "" : readTerminationMessage,
    onRelist: (startMs, endMs, beforeMs) => {
      const { relistSeconds, relistInterval, relistedAt } = inputs.metrics;
      relistSeconds.observe((endMs - startMs) / 1000);
      if (beforeMs !== undefined) relistInterval.observe((startMs - beforeMs) / 1000);
      relistedAt.set(clock.now() / 1000);
    },
    onRead: (ms) => inputs.metrics.podRelistSeconds.observe(ms / 1000),
    onChange: (uid, asksForWork) => {
      const { sourcesReady, workers, prober } = parts();
      if (sourcesReady.value || workers.has(uid)) workers.runtimeChanged(uid, cache.get(uid), asksForWork);
      prober.podChanged(uid);
    },
    signal,
  });
  return cache;
}

function newProber(
  { options, platform, recorder, parts, probeMetrics }: Core,
  cache: RuntimeCache,
): ProberManager {
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

function newNodeStatus({ options, inputs, platform, facts, recorder, parts }: Core): NodeStatusManager {
  const { client, clock, logger, runtime, nodeStatusUpdateMs, nodeStatusReportMs } = options;
  return new NodeStatusManager({
    client,
    clock,
    logger,
    recorder,
    runtime,
    platform,
    facts,
    devices: () => parts().devices.manager,
    pressure: () => parts().resources.eviction.conditions,
    updateMs: nodeStatusUpdateMs ?? DEFAULTS.updateMs,
    reportMs: nodeStatusReportMs ?? DEFAULTS.reportMs,
    volumesInUse: () => parts().volumeParts.volumesInUse(),
    shutdownError: () => parts().privileges.shutdown.error,
    startup: inputs.nodeStartup,
    onRuntimeReady: (ready) => {
      const { workers } = parts();
      if (ready) for (const pod of workers.pods()) workers.wake(uidOf(pod));
    },
  });
}

function newStarter(
  core: Core,
  { objects, devices }: Pick<SyncerParts, "objects"> & Pick<ContainerStarter, "devices">,
): ContainerStarter {
  const { options, inputs, platform, recorder, allocatable, parts } = core;
  const { runtime, clock, logger, rootDir, podLogsDir, clusterDomain, nodeIPs } = options;
  const parallelPullsMax = options.parallelImagePullsMax ?? DEFAULTS.parallelImagePullsMax;
  return {
    killer: {
      runtime,
      clock,
      logger,
      recorder,
      userAgent: HOOK_USER_AGENT,
      hasNetwork: platform.hasNetwork,
      onHook: (what) => inputs.metrics[what === "fallback" ? "hookFallbacks" : "sleepsCut"].inc(),
    },
    images: new ImageManager({
      images: limitedPulls(runtime, options),
      clock,
      recorder,
      parallelPullsMax,
      observer: imageObserver(core),
    }),
    objects: {
      configMap: (...args) => objects.configMap(...args),
      secret: (...args) => objects.secret(...args),
      services: () => inputs.services.lister.list(),
    },
    devices,
    host: platform.volumes,
    ...(runtime.imageMounts !== undefined && { imageMounts: runtime.imageMounts }),
    recursiveReadOnlyMounts: (handler) => parts().nodeStatus.recursiveReadOnlyMounts(handler),
    seccompDefault: options.seccompDefault ?? false,
    onStart: (container_type, code) => {
      const { containersStarted, containerErrors } = inputs.metrics.pods;
      if (code === undefined) containersStarted.inc({ container_type });
      else containerErrors.inc({ container_type, code });
    },
    onImageVolume: imageVolumeCounter(inputs.metrics.images),
    paths: { rootDir, podLogsDir },
    clusterDomain,
    hostIPs: nodeIPs,
    node: {
      allocatable,
      memoryCapacityBytes: inputs.machine.memoryBytes,
      cpuCFSQuota: options.cpuCFSQuota ?? true,
      ...(options.cpuQuotaPeriodMs !== undefined && { cpuQuotaPeriodUs: options.cpuQuotaPeriodMs * 1000 }),
      hugepageSizes: Object.keys(inputs.machine.hugepages),
    },
  };
}

function podIPOf(
  hostNetwork: boolean | undefined,
  podIPs: readonly string[] | undefined,
  nodeIPs: readonly string[],
): string {
  return (hostNetwork === true ? nodeIPs[0] : podIPs?.[0]) ?? "";
}
