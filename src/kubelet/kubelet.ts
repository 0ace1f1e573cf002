/** Runs a kubelet: registers the node, follows its pods, and serves its endpoint until told to stop. @module */
import type { KubeObject, Kind } from "#apimachinery";
import { type Client, Informer, type InformerOptions, quietLogger } from "#client";
import { componentText } from "#component-base";
import { Nodes } from "#api/core/v1/node";
import { Pods } from "#api/core/v1/pod";
import { Services } from "#api/core/v1/service";
import type { Node, Pod, Service } from "#api/core/v1/types.gen";
import { followStaticPods } from "./config/static-pods.ts";
import { uidOf } from "./container/pod-spec.ts";
import { type KubeletInputs, type KubeletParts, newKubeletParts } from "./kubelet-parts.ts";
import { effectiveConfiguration } from "./kubelet-config/effective-configuration.ts";
import { rotateContainerLogs } from "./logs/container-log-manager.ts";
import { podsWithLogs } from "./logs/pod-log-folders.ts";
import { keepNodeLease } from "./node-status/node-lease.ts";
import { checkCgroupDriver } from "./platform/check-cgroup-driver.ts";
import { checkMachine } from "./platform/check-machine.ts";
import type { KubeletOptions } from "./options.ts";
import { newAuthenticator } from "./server/authenticate.ts";
import { newAuthorizer } from "./server/authorize.ts";
import { privilegeInputs } from "./privilege-parts.ts";
import { resourceMetrics } from "./server/metrics.ts";
import { KubeletMetrics } from "./metrics/kubelet-metrics.ts";
import { limitedClient } from "./server/limited-client.ts";
import { NodeStartup } from "./metrics/node-startup.ts";
import { measuredRuntime } from "./metrics/measured-runtime.ts";
import { startServer } from "./server/server.ts";
import { startHealthz } from "./server/healthz-server.ts";
import type { ServerHost } from "./server/server-host.ts";
import { sweepOrphans } from "./volumes/orphan-sweep.ts";

/** Of kubelets without an endpoint: nobody can read it, and thousands of simulated nodes need not have one each. */
const UNREAD = new KubeletMetrics();
const API_BURST = 100;
const NODE_LOG_DIR = "/var/log";
const DEFAULT_LEASE_SECONDS = 40;
const RUNTIME_RETRY_MIN_MS = 50;
const RUNTIME_RETRY_MAX_MS = 2000;
/** Without a successful listing for this long the node is not healthy. */
const RELIST_THRESHOLD_MS = 180_000;

/**
 * Resolves when `signal` has aborted and everything is put down; the pods go on running. Rejects when the node cannot
 * start at all (its port is taken, its machine cannot be read).
 */
export async function runKubelet(options: KubeletOptions, signal: AbortSignal): Promise<void> {
  // Our own signal, so that a failure of one part ends the others too.
  const stop = new AbortController();
  const all = AbortSignal.any([signal, stop.signal]);
  const tasks: Promise<unknown>[] = [];
  try {
    // Much is tried again and again while the API server is away; that is told once a minute, not by each part.
    await run({ ...options, logger: quietLogger(options) }, tasks, all);
  } catch (err) {
    if (!signal.aborted) throw err;
  } finally {
    stop.abort();
    await Promise.allSettled(tasks);
  }
}

async function run(given: KubeletOptions, tasks: Promise<unknown>[], signal: AbortSignal): Promise<void> {
  const metrics = given.server === undefined ? UNREAD : new KubeletMetrics();
  const kubeletMs = given.clock.now();
  const runtime = measuredRuntime(given.runtime, metrics, given.clock);
  const options = { ...given, runtime, client: clientOf(given) };
  const { platform, nodeName, clock, random, logger, server } = options;
  if (platform.name === "linux") await checkMachine(options);
  await platform.ensureRoot();
  const services = newInformer(options, Services, { transform: trimService });
  tasks.push(services.run(signal));
  const [machine, { bootTimeMs: bootMs }, privileges, version] = await Promise.all([
    platform.machineInfo(),
    platform.usage(),
    privilegeInputs(options, signal),
    runtimeVersion(options, signal),
  ]);
  const inputs: KubeletInputs = {
    metrics,
    nodeStartup: new NodeStartup(metrics.nodeStartup, { bootMs, kubeletMs }),
    eventClient: given.client,
    machine,
    privileges,
    version,
    services,
    port: server?.port,
  };
  if (platform.name === "linux" && options.enableCgroups !== false)
    await checkCgroupDriver(runtime, logger, signal);
  const parts = newKubeletParts(options, inputs, signal);
  const host = serverHost(options, parts);
  options.onResourceMetrics?.((stop) => resourceMetrics(host, stop));
  tasks.push(...(await startEndpoints(options, host, signal)));
  const durationSeconds = options.nodeLeaseDurationSeconds ?? DEFAULT_LEASE_SECONDS;
  // The node must not be lost because its kubelet has much to say.
  const lease = { client: given.client, clock, random, logger, nodeName, durationSeconds };
  await loadParts(parts, signal);
  tasks.push(
    parts.volumeParts.run(signal),
    parts.devices.run(signal),
    parts.nodeStatus.run(signal),
    parts.privileges.shutdown.run(signal),
    keepNodeLease({ ...lease, nodeUid: () => parts.nodeStatus.nodeUid }, signal),
    followNode(options, parts, signal),
    rotateContainerLogs(options, parts.cache, signal),
  );
  const { enforced } = await parts.ensureCgroups();
  tasks.push(enforced);
  await parts.resources.allocation.load();
  // Pods must not be started before it is known which of them run already.
  await firstRelist(options, parts, signal);
  tasks.push(parts.cache.run(signal));
  const manifests = followManifests(options, parts, signal);
  tasks.push(manifests.running);
  await services.waitForSync(signal);
  const pods = followPods(options, parts);
  tasks.push(pods.run(signal));
  await Promise.all([pods.waitForSync(signal), manifests.known]);
  parts.sourcesReady.value = true;
  await parts.checkResolvConf();
  parts.resources.allocation.retain(new Set(parts.workers.pods().map(uidOf)));
  tasks.push(parts.resources.run(signal), parts.resources.allocation.run(signal));
  tasks.push(parts.localPaths.run(signal));
  await removeOrphans(options, parts);
  tasks.push(sweep(options, parts, signal));
  logger.info("Kubelet runs", { node: nodeName, runtime: version.runtimeName });
  await aborted(signal);
  await closeParts(parts);
}

/** What a kubelet before this one has left. */
async function loadParts({ volumes, privileges, devices }: KubeletParts, signal: AbortSignal): Promise<void> {
  await volumes.load();
  await privileges.userns.load();
  await privileges.shutdown.start(signal);
  await devices.load();
}

async function closeParts({ workers, prober, objects, certificates, status }: KubeletParts): Promise<void> {
  await Promise.all([workers, prober, objects, certificates, status].map((part) => part.close()));
}

function clientOf({ client, clock, kubeAPIQPS = 0, kubeAPIBurst = API_BURST }: KubeletOptions): Client {
  return kubeAPIQPS > 0
    ? limitedClient(client, { perSecond: kubeAPIQPS, burst: kubeAPIBurst, clock })
    : client;
}

/** Resolves to when each has closed. */
async function startEndpoints(
  { server, healthz, tls, client, clock, nodeName }: KubeletOptions,
  host: ServerHost,
  signal: AbortSignal,
): Promise<readonly Promise<void>[]> {
  const closing: Promise<void>[] = [];
  if (server !== undefined) {
    const auth = {
      authenticate: newAuthenticator(client, clock),
      authorize: newAuthorizer(client, nodeName, clock),
    };
    const { closed } = await startServer(
      host,
      { ...server, ...(tls !== undefined && { tls }) },
      auth,
      signal,
    );
    closing.push(closed);
  }
  if (healthz !== undefined && healthz.port > 0) {
    const { closed } = await startHealthz({ ...healthz, isHealthy: () => host.isHealthy() }, signal);
    closing.push(closed);
  }
  return closing;
}

function newInformer<T extends KubeObject>(
  { client, clock, random, logger }: KubeletOptions,
  kind: Kind<T>,
  scope: InformerOptions<T>,
): Informer<T> {
  return new Informer(kind, { client, clock, random, logger, freeze: false, watchList: false }, scope);
}

/** What environment variables need of a service. */
function trimService(service: Service): Service {
  const { apiVersion, kind, metadata, spec } = service;
  const { name, namespace, uid, resourceVersion } = metadata;
  const { clusterIP, type, ports } = spec ?? {};
  return {
    apiVersion,
    kind,
    metadata: {
      name,
      ...(namespace !== undefined && { namespace }),
      ...(uid !== undefined && { uid }),
      ...(resourceVersion !== undefined && { resourceVersion }),
    },
    spec: {
      ...(clusterIP !== undefined && { clusterIP }),
      ...(type !== undefined && { type }),
      ...(ports !== undefined && { ports }),
    },
  };
}

/** Waits for a runtime that is still starting. */
async function runtimeVersion(
  { runtime, clock, logger }: KubeletOptions,
  signal: AbortSignal,
): ReturnType<KubeletOptions["runtime"]["version"]> {
  for (let delayMs = RUNTIME_RETRY_MIN_MS; ; delayMs = Math.min(delayMs * 2, RUNTIME_RETRY_MAX_MS)) {
    try {
      return await runtime.version(signal);
    } catch (err) {
      signal.throwIfAborted();
      logger.info("Waiting for the container runtime", { err });
      await clock.sleep(delayMs, signal);
    }
  }
}

async function firstRelist(
  { clock, logger }: KubeletOptions,
  { cache }: KubeletParts,
  signal: AbortSignal,
): Promise<void> {
  for (let delayMs = RUNTIME_RETRY_MIN_MS; ; delayMs = Math.min(delayMs * 2, RUNTIME_RETRY_MAX_MS)) {
    try {
      await cache.relist(signal);
      return;
    } catch (err) {
      signal.throwIfAborted();
      logger.warn("Listing the runtime's pods failed", { err });
      await clock.sleep(delayMs, signal);
    }
  }
}

/** `known` resolves when the folder has been read once: before, its pods would be taken for nobody's. */
function followManifests(
  { podManifestPath: dir, nodeName, clock, logger }: KubeletOptions,
  { sources }: KubeletParts,
  signal: AbortSignal,
): { readonly running: Promise<void>; readonly known: Promise<void> } {
  if (dir === undefined) return { running: Promise.resolve(), known: Promise.resolve() };
  const { promise: known, resolve } = Promise.withResolvers<void>();
  const onChange = (pods: readonly Pod[]): void => {
    sources.staticPodsSet(pods);
    resolve();
  };
  const running = followStaticPods({ dir, nodeName, clock, logger, onChange }, signal);
  return { running, known: Promise.race([known, running]) };
}

function followPods(options: KubeletOptions, { sources }: KubeletParts): Informer<Pod> {
  const informer = newInformer(options, Pods, { fieldSelector: `spec.nodeName=${options.nodeName}` });
  informer.addEventHandler({
    onAdd: (pod) => sources.apiPodSet(pod),
    onUpdate: (pod) => sources.apiPodSet(pod),
    onDelete: (pod) => sources.apiPodDeleted(pod),
  });
  return informer;
}

/** The node's pod network is told to the runtime, whoever assigned it. */
async function followNode(
  options: KubeletOptions,
  { nodeStatus, sources, volumes, localPaths }: KubeletParts,
  signal: AbortSignal,
): Promise<void> {
  const { nodeName, runtime, logger } = options;
  let podCidr = "";
  let uid: string | undefined;
  const seen = (node: Node): void => {
    nodeStatus.nodeUpdated(node);
    volumes.sourcesChanged();
    localPaths.nodeChanged();
    if (uid !== node.metadata.uid) sources.nodeRegistered();
    uid = node.metadata.uid;
    const next = node.spec?.podCIDRs?.join(",") ?? node.spec?.podCIDR ?? "";
    if (next === "" || next === podCidr) return;
    podCidr = next;
    runtime.updateRuntimeConfig({ podCidr }, signal).then(
      () => nodeStatus.checkSoon(),
      (err: unknown) => {
        if (!signal.aborted) logger.warn("Telling the runtime its pod network failed", { podCidr, err });
      },
    );
  };
  const informer = newInformer(options, Nodes, { fieldSelector: `metadata.name=${nodeName}` });
  informer.addEventHandler({ onAdd: seen, onUpdate: seen, onDelete: () => nodeStatus.nodeDeleted() });
  await informer.run(signal);
}

/** Pods that ended while kubelet was away: their containers, folders and cgroups. */
async function removeOrphans(options: KubeletOptions, parts: KubeletParts): Promise<void> {
  for (const runtimePod of parts.cache.list()) parts.workers.removeOrphan(runtimePod);
  for (const uid of await podsWithTraces(options, parts)) removeTracesOf(uid, parts);
}

/** The same of pods that end in any other way that leaves something. */
function sweep(options: KubeletOptions, parts: KubeletParts, signal: AbortSignal): Promise<void> {
  const { clock, logger } = options;
  const traces = { podsOnDisk: () => podsWithTraces(options, parts) };
  const removeTraces = (uid: string): boolean => removeTracesOf(uid, parts);
  const onSwept = (orphans: number): void => parts.resources.metrics.storage.swept(orphans);
  return sweepOrphans({ volumes: traces, removeTraces, onSwept, clock, logger }, signal);
}

/** Uids of pods that have volumes, logs or a cgroup. */
async function podsWithTraces(
  { platform, podLogsDir }: KubeletOptions,
  { volumes }: KubeletParts,
): Promise<readonly string[]> {
  const uids = await Promise.all([
    volumes.podsOnDisk(),
    podsWithLogs(platform.volumes, podLogsDir),
    platform.cgroups.listPods(),
  ]);
  return [...new Set(uids.flat())];
}

/** After a reboot a pod that waits for its devices still has what it had before. */
function removeTracesOf(uid: string, { workers, sources }: KubeletParts): boolean {
  return !sources.waitingPods().some((pod) => uidOf(pod) === uid) && workers.removeTraces(uid);
}

function serverHost(options: KubeletOptions, parts: KubeletParts): ServerHost {
  const { nodeName, clock, logger, runtime, platform, certificateMetrics, clientMetrics } = options;
  const { cache, workers, status } = parts;
  const startMs = clock.now();
  const withStatus = (pod: Pod): Pod => {
    const newest = status.get(uidOf(pod));
    return newest === undefined ? pod : { ...pod, status: newest };
  };
  return {
    nodeName,
    rootDir: options.rootDir,
    nodeLogs: {
      clock,
      dir: NODE_LOG_DIR,
      isEnabled: options.enableSystemLogHandler ?? true,
      isQueryEnabled: options.enableSystemLogQuery ?? false,
    },
    configuration: effectiveConfiguration(options),
    clock,
    logger,
    runtime,
    platform,
    certificateMetrics,
    clientMetrics,
    fs: parts.resources.fs,
    metrics: parts.resources.metrics,
    probeMetrics: parts.probeMetrics,
    component: () => componentText(clock.now())(),
    details: () => ({
      workingPods: workers.workingPods(),
      mirrorPods: parts.sources.mirrorCount(),
      certificates: parts.certificates.states(),
      volumes: parts.volumes.pluginCounts(),
      pendingResizes: parts.resources.allocation.conditions.pendingReasons(),
      resizesInProgress: parts.resources.allocation.conditions.inProgressCount(),
    }),
    activePods: () => workers.activePods(),
    volumeMetrics: (asking) => parts.volumeParts.exposition(workers.pods(), asking),
    pods: () => workers.pods().map(withStatus),
    podNamed(namespace, name) {
      const pod = workers
        .pods()
        .findLast((p) => p.metadata.name === name && p.metadata.namespace === namespace);
      return pod === undefined ? undefined : withStatus(pod);
    },
    runtimePods: () => cache.list(),
    runtimePod: (uid) => cache.get(uid),
    isHealthy: () => clock.now() - (cache.relistedAtMs ?? startMs) < RELIST_THRESHOLD_MS,
  };
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
