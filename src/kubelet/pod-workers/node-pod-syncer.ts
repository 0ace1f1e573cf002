/** What the steps of a pod's life do on this node. @module */
import { type Clock, isNotFound, type Logger } from "#apimachinery";
import type { Client, EventRecorder } from "#client";
import { isTerminalPhase } from "#api/core/v1/pod-state";
import type { Node, Pod, PodStatus, Secret } from "#api/core/v1/types.gen";
import { RuntimeClasses } from "#api/node/v1/runtimeclass";
import type { DNSConfig, UserNamespace } from "#cri";
import type { AllocationManager } from "../allocation/allocation-manager.ts";
import { followResize, resizeFailed } from "../allocation/follow-resize.ts";
import type { ObjectCache } from "../config/object-cache.ts";
import type { IssuingManager } from "../podcertificate/issuing-manager.ts";
import { containersOf, formatPod, specOf, uidOf } from "../container/pod-spec.ts";
import { qosClassOf } from "../container/qos.ts";
import { milliCPUToShares, podCgroupResources, podRequests } from "../container/resources.ts";
import { type ContainerToReset, containersToReset, isRestartingAll } from "../container/restart-all.ts";
import {
  emptyRuntimePod,
  hasNewEnd,
  isActive,
  type RuntimeContainer,
  type RuntimePod,
} from "../container/runtime-pod.ts";
import type { PodAddresses } from "../env/field-ref.ts";
import { type Applier, applyPodActions } from "../kuberuntime/apply-pod-actions.ts";
import { killPod } from "../kuberuntime/kill-pod.ts";
import { resetContainers } from "../kuberuntime/reset-containers.ts";
import { podDir, podLogDir } from "../kuberuntime/paths.ts";
import { sandboxConfig } from "../kuberuntime/sandbox-config.ts";
import type { ContainerStarter } from "../kuberuntime/start-container.ts";
import { removePodLogs } from "../logs/pod-log-folders.ts";
import type { DeviceManager } from "../devicemanager/device-manager.ts";
import type { DRAManager } from "../dra/dra-manager.ts";
import { podDNS, type NodeDNS } from "../network/dns.ts";
import { sandboxHostname } from "../network/hostname.ts";
import type { NodePlatform } from "../platform/platform.ts";
import type { RuntimeCache } from "../pleg/runtime-cache.ts";
import type { ProberManager } from "../prober/prober-manager.ts";
import type { WaitingReason } from "../status/container-statuses.ts";
import { generatePodStatus } from "../status/generate-pod-status.ts";
import { withAllocatedResources } from "../status/allocated-resources.ts";
import type { StatusManager } from "../status/status-manager.ts";
import type { TokenManager } from "../volumes/token-manager.ts";
import type { UsernsManager } from "../userns/userns-manager.ts";
import { MountError } from "../volumes/mount-error.ts";
import type { MountedVolumes } from "../volumes/mounted-volume.ts";
import type { VolumeManager } from "../volumes/volume-manager.ts";
import type { Backoff } from "./backoff.ts";
import { computePodActions } from "./compute-pod-actions.ts";
import type { KillOptions, PodFailure, PodSyncer, SyncResult } from "./pod-worker.ts";

export interface SyncerOptions {
  readonly client: Pick<Client, "get">;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly recorder: EventRecorder;
  readonly platform: NodePlatform;
  readonly starter: ContainerStarter;
  readonly cache: RuntimeCache;
  readonly status: StatusManager;
  readonly prober: ProberManager;
  readonly volumes: VolumeManager;
  readonly tokens: TokenManager;
  readonly objects: ObjectCache;
  readonly certificates: IssuingManager;
  readonly allocation: AllocationManager;
  readonly devices: Pick<DeviceManager, "resourceStatus">;
  readonly dra: Pick<DRAManager, "prepare" | "unprepare" | "resourceStatus">;
  /** Processes that a pod may have; 0: as many as the node. */
  readonly podPidsLimit: number;
  readonly userns: UsernsManager;
  readonly backoff: Backoff;
  readonly runtimeName: string;
  readonly clusterDNS: readonly string[];
  /** Rejects when it cannot be known. */
  readonly nodeResolver: () => Promise<NodeDNS>;
  /** Undefined until it is registered. */
  readonly node: () => Node | undefined;
  /** Pods that hold resources of the node. */
  readonly activePods: () => readonly Pod[];
  /** Why pods with a network of their own cannot be started now. */
  readonly networkError: () => string | undefined;
  /** What is told of the pod now. */
  readonly onStatus: (uid: string, status: PodStatus) => void;
  /** What the runtime has of the pod when a step begins. */
  readonly onContainers: (pod: Pod, containers: readonly RuntimeContainer[]) => void;
  /** The containers' resources were to be changed, and how long that took. */
  readonly onResized: (success: boolean, ms: number) => void;
  /** A pod that was taken cannot run here after all. */
  readonly onRejection: (reason: string) => void;
}

interface Isolation {
  readonly runtimeHandler: string;
  readonly userNamespace: UserNamespace;
  readonly dns: DNSConfig;
}

/** As upstream: nobody waits for what nobody knows. */
const ORPHAN_GRACE_SECONDS = 1;

const DEADLINE: PodFailure = {
  reason: "DeadlineExceeded",
  message: "Pod was active on the node longer than the specified deadline",
};

export class NodePodSyncer implements PodSyncer {
  readonly #options: SyncerOptions;
  readonly #reasons = new Map<string, Map<string, WaitingReason>>();
  /** Pods that are to fail, with why; kept until they are forgotten. */
  readonly #failures = new Map<string, PodFailure>();
  /** Pods of which nothing runs any more. */
  readonly #stopped = new Set<string>();
  #burstableShares = 0;

  constructor(options: SyncerOptions) {
    this.#options = options;
  }

  async syncPod(asked: Pod, signal: AbortSignal): Promise<SyncResult> {
    const { allocation, recorder } = this.#options;
    const pod = allocation.allocatedPod(asked);
    const { cache, prober, objects, certificates, starter } = this.#options;
    const uid = uidOf(pod);
    const shown = cache.get(uid);
    if (shown !== undefined) followResize(allocation, recorder, pod, shown);
    this.#options.onContainers(pod, shown?.containers ?? []);
    // The first publication sets the time that the deadline counts from.
    const deadlineMs = deadlineOf(pod, this.publish(pod));
    if (deadlineMs !== undefined && deadlineMs <= this.#options.clock.now()) this.#exceeded(pod);
    const status = this.publish(pod);
    if (isTerminalPhase(status.phase)) return { isTerminal: true };

    const hostNetwork = specOf(pod).hostNetwork === true;
    const networkError = hostNetwork ? undefined : this.#options.networkError();
    if (networkError !== undefined) {
      recorder.event(pod, "Warning", "NetworkNotReady", `network is not ready: ${networkError}`);
      return { isTerminal: false, failed: true };
    }
    objects.register(pod);
    certificates.register(pod);
    const cgroupParent = await this.#cgroup(pod);
    const volumes = await this.#mount(pod, signal);
    if (volumes === undefined) return { isTerminal: isTerminalPhase(this.publish(pod).phase), failed: true };
    prober.addPod(pod);

    const runtimePod =
      cache.get(uid) ?? emptyRuntimePod(uid, pod.metadata.namespace ?? "", pod.metadata.name);
    if (isRestartingAll(pod, runtimePod, status)) {
      const reset = containersToReset(pod, runtimePod);
      if (reset.length > 0) return this.#reset(pod, runtimePod, reset, signal);
    }
    const actions = computePodActions(pod, runtimePod, prober, allocation.actuated.get(uid));
    const isolation = await this.#isolation(pod, signal);
    if (isolation === undefined) return { isTerminal: false, failed: true };
    const { runtimeHandler, userNamespace, dns } = isolation;
    const config = sandboxConfig({
      pod,
      attempt: actions.attempt,
      hostname: sandboxHostname(pod, starter.clusterDomain),
      dns,
      logDirectory: podLogDir(starter.paths, pod),
      cgroupParent,
      userNamespace,
      resourcePolicy: starter.node,
    });
    const pullSecrets = await this.#pullSecrets(pod, signal);
    const reasons = this.#reasonsOf(uid);
    const input = {
      pod,
      runtimePod,
      actions,
      volumes,
      pullSecrets,
      sandboxConfig: config,
      runtimeHandler,
      reasons,
    };
    const { retryAtMs, failed } = await applyPodActions(this.#applier(), input, signal);
    if (actions.resize !== undefined) cache.invalidate(uid);
    const reached = await this.#refresh(pod);
    followResize(allocation, recorder, pod, reached);
    await this.#removeOldContainers(uid, signal);
    const ended = isTerminalPhase(this.publish(pod).phase);
    // A sidecar that has started lets the next container start, and no event tells of that.
    const isProgress = !failed && retryAtMs === undefined && actions.initContainersToStart.length > 0;
    // Nor of a container that ended before the cache knew it.
    const isAgain = isProgress || hasNewEnd(runtimePod, reached);
    const againMs = isAgain ? this.#options.clock.now() : retryAtMs;
    const resyncMs = this.#options.volumes.resyncAtMs(uid);
    const due = first(againMs, deadlineMs, this.#options.tokens.renewAtMs(uid), resyncMs);
    return { isTerminal: ended, failed, ...(due !== undefined && { retryAtMs: due }) };
  }

  /** All of the pod's containers go; the next sync starts it from its beginning, in the same sandbox. */
  async #reset(
    pod: Pod,
    runtimePod: RuntimePod,
    containers: readonly ContainerToReset[],
    signal: AbortSignal,
  ): Promise<SyncResult> {
    await resetContainers(this.#options.starter.killer, pod, runtimePod, containers, signal);
    await this.#refresh(pod);
    return { isTerminal: false, retryAtMs: this.#options.clock.now() };
  }

  async syncTerminatingPod(pod: Pod, options: KillOptions, signal: AbortSignal): Promise<void> {
    const { cache, prober, starter } = this.#options;
    const uid = uidOf(pod);
    if (options.failure !== undefined) this.#failures.set(uid, options.failure);
    this.publish(pod);
    prober.updatePod(pod);
    prober.stopLivenessAndStartup(uid);
    const before = await cache.refresh(uid);
    if (before !== undefined) await killPod(starter.killer, pod, before, options.gracePeriodSeconds, signal);
    const after = before === undefined ? undefined : await cache.refresh(uid);
    const left = after?.containers.filter(isActive) ?? [];
    if (left.length > 0) {
      throw new Error(
        `Containers still run after the pod was killed: ${left.map(({ name }) => name).join(", ")}`,
      );
    }
    await prober.removePod(uid);
    // Before the pod is told to have ended: its claims may go to others then.
    await this.#options.dra.unprepare(uid, signal);
    this.#stopped.add(uid);
    this.publish(pod);
  }

  async syncTerminatedPod(pod: Pod, _options: KillOptions, signal: AbortSignal): Promise<void> {
    const { volumes, tokens, objects, certificates, platform, starter, backoff, status } = this.#options;
    const uid = uidOf(pod);
    this.publish(pod);
    await volumes.unmount(uid, signal);
    await platform.cgroups.removePod(uid);
    await this.#options.userns.release(uid);
    objects.unregister(uid);
    certificates.unregister(uid);
    tokens.forget(uid);
    starter.images.forget(uid);
    backoff.reset(`${uid}_`);
    status.finish(pod);
  }

  /** As `publish`, for callers that have nobody to tell of a failure. */
  tryPublish(pod: Pod): void {
    try {
      this.publish(pod);
    } catch (err) {
      this.#options.logger.error("Generating a pod's status failed", { pod: formatPod(pod), err });
    }
  }

  /** Generates the pod's status from what is known now and hands it on. */
  publish(asked: Pod): PodStatus {
    const { allocation } = this.#options;
    const pod = allocation.allocatedPod(asked);
    const { status, cache, prober, starter, runtimeName, clock } = this.#options;
    const uid = uidOf(pod);
    const failure = this.#failures.get(uid);
    const next = generatePodStatus({
      pod,
      runtime: cache.get(uid) ?? emptyRuntimePod(uid, pod.metadata.namespace ?? "", pod.metadata.name),
      runtimeName,
      previous: status.get(uid) ?? pod.status ?? {},
      reasons: this.#reasonsOf(uid),
      probes: prober,
      hostIPs: starter.hostIPs,
      isTerminal: this.#stopped.has(uid),
      ...(failure !== undefined && { failure }),
      resizeConditions: allocation.conditions.list(uid),
      actuated: allocation.actuated.get(uid),
      nowMs: clock.now(),
    });
    const { devices, dra } = this.#options;
    const told = withAllocatedResources(next, (name) => {
      const container = containersOf(pod).find((one) => one.name === name);
      const claimed = container === undefined ? [] : dra.resourceStatus(pod, container);
      return [...devices.resourceStatus(uid, name), ...claimed];
    });
    status.set(pod, told);
    this.#options.onStatus(uid, told);
    return status.get(uid) ?? told;
  }

  /** The pod is gone: nothing needs to be remembered of it. */
  forget(uid: string): void {
    this.#reasons.delete(uid);
    this.#failures.delete(uid);
    this.#stopped.delete(uid);
  }

  /** Removes what the runtime and the disk still hold of a pod that the API no longer knows. */
  async removeLeftovers(uid: string, signal: AbortSignal): Promise<void> {
    const { cache, starter, platform, volumes } = this.#options;
    const { runtime } = starter.killer;
    const left = await cache.refresh(uid);
    if (left !== undefined) {
      await Promise.all(left.containers.map(({ id }) => runtime.removeContainer(id, signal)));
      await Promise.all(left.sandboxes.map(({ id }) => runtime.removePodSandbox(id, signal)));
      await cache.refresh(uid);
    }
    // also when the runtime has nothing of it: a sandbox that was being made, or that was removed by an earlier try
    await removePodLogs(platform.volumes, starter.paths.podLogsDir, uid);
    await volumes.unmount(uid, signal);
    await platform.cgroups.removePod(uid);
    await this.#options.userns.release(uid);
  }

  /** Stops and removes a pod that runs here though nobody asked for it. */
  async removeOrphan(runtimePod: RuntimePod, signal: AbortSignal): Promise<void> {
    const { starter, logger } = this.#options;
    logger.info("Removing a pod that the API does not know", { uid: runtimePod.uid, name: runtimePod.name });
    await killPod(starter.killer, undefined, runtimePod, ORPHAN_GRACE_SECONDS, signal);
    await this.removeLeftovers(runtimePod.uid, signal);
  }

  #reject(pod: Pod, { reason, message }: PodFailure): void {
    this.#failures.set(uidOf(pod), { reason, message: `Pod was rejected: ${message}` });
    this.#options.recorder.event(pod, "Warning", reason, message);
    this.#options.onRejection(reason);
  }

  #exceeded(pod: Pod): void {
    const uid = uidOf(pod);
    if (this.#failures.has(uid)) return;
    this.#failures.set(uid, DEADLINE);
    this.#options.recorder.event(pod, "Normal", DEADLINE.reason, DEADLINE.message);
  }

  async #cgroup(pod: Pod): Promise<string> {
    const { platform, activePods, allocation, podPidsLimit } = this.#options;
    const qos = qosClassOf(pod);
    const pids = podPidsLimit > 0 ? { pidsMax: podPidsLimit } : {};
    const parent = await platform.cgroups.ensurePod(uidOf(pod), qos, {
      ...podCgroupResources(pod, this.#options.starter.node),
      ...pids,
    });
    allocation.podMade(pod);
    if (parent === "" || qos !== "Burstable") return parent;
    // Among the classes, burstable pods weigh as much as they all request together.
    const burstable = activePods().filter((other) => qosClassOf(other) === "Burstable");
    const milliCPU = burstable.reduce((sum, other) => sum + podRequests(allocation.heldPod(other), "cpu"), 0);
    const cpuShares = milliCPUToShares(milliCPU);
    if (cpuShares !== this.#burstableShares) await platform.cgroups.updateQOS("Burstable", { cpuShares });
    this.#burstableShares = cpuShares;
    return parent;
  }

  /** Undefined: a volume cannot be made; the event says which. */
  async #mount(pod: Pod, signal: AbortSignal): Promise<MountedVolumes | undefined> {
    const { volumes, tokens, objects, certificates, starter, platform, recorder, cache } = this.#options;
    const uid = uidOf(pod);
    await platform.volumes.makeDir(podDir(starter.paths, uid), 0o750);
    const { hostIPs } = starter;
    const podIPs = specOf(pod).hostNetwork === true ? hostIPs : (cache.get(uid)?.ips ?? []);
    const addresses: PodAddresses = { podIPs, hostIPs };
    const token: TokenManager["get"] = (...args) => tokens.get(...args);
    const trustBundles: ObjectCache["trustBundles"] = (stop) => objects.trustBundles(stop);
    const certificate: IssuingManager["bundle"] = (...args) => certificates.bundle(...args);
    const sources = {
      objects: sourceOf(objects, starter),
      node: starter.node,
      addresses,
      token,
      trustBundles,
      certificate,
    };
    try {
      return await volumes.mount(pod, sources, signal);
    } catch (err) {
      if (!(err instanceof MountError)) throw err;
      for (const { reason, message } of err.events) recorder.event(pod, "Warning", reason, message);
      if (err.rejection !== undefined) this.#reject(pod, err.rejection);
      return undefined;
    }
  }

  /** Undefined: this node cannot make the pod's sandbox; the event says why. */
  async #isolation(pod: Pod, signal: AbortSignal): Promise<Isolation | undefined> {
    const { client, recorder, starter, userns } = this.#options;
    const { runtimeClassName: name = "" } = specOf(pod);
    try {
      sandboxHostname(pod, starter.clusterDomain);
      const runtimeHandler = name === "" ? "" : (await client.get(RuntimeClasses, { name }, signal)).handler;
      const dns = await this.#dns(pod);
      return { runtimeHandler, userNamespace: await userns.namespaceOf(pod, runtimeHandler), dns };
    } catch (err) {
      signal.throwIfAborted();
      const message = `Failed to create pod sandbox: ${(err as Error).message}`;
      recorder.event(pod, "Warning", "FailedCreatePodSandBox", message);
      return undefined;
    }
  }

  async #pullSecrets(pod: Pod, signal: AbortSignal): Promise<readonly Secret[]> {
    const names = specOf(pod).imagePullSecrets ?? [];
    const namespace = pod.metadata.namespace ?? "";
    const secrets: Secret[] = [];
    const missing: string[] = [];
    for (const { name = "" } of names) {
      const secret = name === "" ? undefined : await this.#options.objects.secret(namespace, name, signal);
      if (secret === undefined) missing.push(name);
      else secrets.push(secret);
    }
    if (missing.length > 0) {
      const message = `Unable to retrieve some image pull secrets (${missing.join(", ")}); attempting to pull the image may not succeed.`;
      this.#options.recorder.event(pod, "Warning", "FailedToRetrieveImagePullSecret", message);
    }
    return secrets;
  }

  async #refresh(pod: Pod): Promise<RuntimePod> {
    const { cache, prober } = this.#options;
    const uid = uidOf(pod);
    const runtimePod = await cache.refresh(uid);
    this.publish(pod);
    prober.podChanged(uid);
    return runtimePod ?? emptyRuntimePod(uid, pod.metadata.namespace ?? "", pod.metadata.name);
  }

  /** Of every container its last end is kept, for `kubectl logs --previous`; of sandboxes the newest. */
  async #removeOldContainers(uid: string, signal: AbortSignal): Promise<void> {
    const { cache, starter, logger } = this.#options;
    const runtimePod = cache.get(uid);
    if (runtimePod === undefined) return;
    const { runtime } = starter.killer;
    const kept = new Set<string>();
    for (const container of runtimePod.containers) {
      if (container.state !== "exited") continue;
      if (!kept.has(container.name)) {
        kept.add(container.name);
        continue;
      }
      try {
        await runtime.removeContainer(container.id, signal);
      } catch (err) {
        signal.throwIfAborted();
        if (!isNotFound(err)) logger.debug("Removing an old container failed", { id: container.id, err });
      }
    }
    const used = new Set(runtimePod.containers.map(({ sandboxId }) => sandboxId));
    for (const sandbox of runtimePod.sandboxes.slice(1)) {
      if (sandbox.ready || used.has(sandbox.id)) continue;
      await runtime.removePodSandbox(sandbox.id, signal);
    }
  }

  #applier(): Applier {
    const { starter, platform, allocation, recorder, backoff } = this.#options;
    return {
      starter,
      resizer: {
        runtime: starter.killer.runtime,
        cgroups: platform.cgroups,
        actuated: allocation.actuated,
        resourcePolicy: starter.node,
      },
      prepareResources: (pod, stop) => this.#options.dra.prepare(pod, stop),
      onResized: this.#options.onResized,
      onResizeError: (pod, message) => resizeFailed(allocation, recorder, pod, message),
      backoff,
      refresh: (pod) => this.#refresh(pod),
    };
  }

  #reasonsOf(uid: string): Map<string, WaitingReason> {
    let reasons = this.#reasons.get(uid);
    if (reasons === undefined) this.#reasons.set(uid, (reasons = new Map()));
    return reasons;
  }

  /** Tells what the pod does not get each time that it is looked at, as upstream. */
  async #dns(pod: Pod): Promise<DNSConfig> {
    const { recorder, clusterDNS, starter, nodeResolver, node } = this.#options;
    const cluster = { servers: clusterDNS, domain: starter.clusterDomain };
    const { config, problems } = podDNS(pod, cluster, await nodeResolver());
    for (const { about, reason, message } of problems) {
      const whom = about === "pod" ? pod : node();
      if (whom !== undefined) recorder.event(whom, "Warning", reason, message);
    }
    return config;
  }
}

function sourceOf(objects: ObjectCache, starter: ContainerStarter): ContainerStarter["objects"] {
  return {
    configMap: (...args) => objects.configMap(...args),
    secret: (...args) => objects.secret(...args),
    services: () => starter.objects.services(),
  };
}

function deadlineOf(pod: Pod, { startTime }: PodStatus): number | undefined {
  const { activeDeadlineSeconds } = specOf(pod);
  if (activeDeadlineSeconds === undefined || startTime === undefined) return undefined;
  // The start is cut to whole seconds: a pod must never end early.
  return Date.parse(startTime) + 999 + activeDeadlineSeconds * 1000;
}

function first(...times: readonly (number | undefined)[]): number | undefined {
  const known = times.filter((time) => time !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}
