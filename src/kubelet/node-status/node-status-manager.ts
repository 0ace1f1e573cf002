/** Registers the node and keeps its status true: at once when readiness changes, else seldom. @module */
import { isDeepStrictEqual } from "node:util";
import {
  type Clock,
  deadline,
  formatTime,
  isAlreadyExists,
  isNotFound,
  type Logger,
  WakeablePause,
} from "#apimachinery";
import type { Client, EventRecorder } from "#client";
import { Nodes } from "#api/core/v1/node";
import type { Node, NodeStatus } from "#api/core/v1/types.gen";
import type { Image, Runtime, RuntimeCondition, RuntimeFeatures, RuntimeHandler } from "#cri";
import type { NodePlatform } from "../platform/platform.ts";
import {
  capacityOf,
  nodeAllocatable,
  newNode,
  nodeAddresses,
  nodeHandlers,
  type NodeFacts,
  nodeImages,
  nodeInfo,
  nodeLabels,
  runtimeVersionOf,
} from "./build-node.ts";
import { planConditionEvents } from "./condition-events.ts";
import type { DeviceManager } from "../devicemanager/device-manager.ts";
import type { PressureCondition } from "../eviction/thresholds.ts";
import { nodeConditions } from "./conditions.ts";
import type { NodeStartup } from "../metrics/node-startup.ts";
import { withExtendedResources } from "./extended-resources.ts";

export interface NodeStatusOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly recorder: EventRecorder;
  readonly runtime: Runtime;
  readonly platform: NodePlatform;
  readonly facts: NodeFacts;
  readonly devices: () => Pick<DeviceManager, "capacity" | "isFirstStart">;
  /** What the node lacks. */
  readonly pressure: () => readonly PressureCondition[];
  /** How often it is computed, and how often it is written though nothing changed. */
  readonly updateMs: number;
  readonly reportMs: number;
  /** Attachable volumes that must not be taken from the node; undefined: not known yet. */
  readonly volumesInUse: () => readonly string[] | undefined;
  /** The runtime has become able to run pods, or no longer is. */
  readonly onRuntimeReady: (ready: boolean) => void;
  /** Why the node takes no more pods, apart from its runtime. */
  readonly shutdownError: () => string | undefined;
  readonly startup: Pick<NodeStartup, "asksToRegister" | "registeredNew" | "ready">;
}

/** While the node is not ready its runtime is asked this often, so that Ready comes soon. */
const NOT_READY_POLL_MS = 250;
const REGISTER_RETRY_MIN_MS = 100;
const REGISTER_RETRY_MAX_MS = 7000;
/** A runtime that does not answer for so long counts as down. */
const RUNTIME_TIMEOUT_MS = 5000;

export class NodeStatusManager {
  readonly #options: NodeStatusOptions;
  #node: Node | undefined;
  #reportedAtMs = 0;
  #hasSaidStarting = false;
  #runtimeConditions: readonly RuntimeCondition[] | undefined;
  #runtimeError = "not checked yet";
  #runtimeHandlers: readonly RuntimeHandler[] = [];
  #runtimeFeatures: RuntimeFeatures | undefined;
  /** Another than at the start once the runtime was replaced. */
  #runtimeVersion: string;
  readonly #rest: WakeablePause;
  /** Extended resources in the status are of a node that had this name before. */
  #isStrange = false;

  constructor(options: NodeStatusOptions) {
    this.#options = options;
    this.#runtimeVersion = options.facts.runtimeVersion;
    this.#rest = new WakeablePause(options.clock);
  }

  /** The node as the API showed it last. */
  get node(): Node | undefined {
    return this.#node;
  }

  get nodeUid(): string | undefined {
    return this.#node?.metadata.uid;
  }

  /** Whether pods with a network of their own can be started; else why not. */
  get networkError(): string | undefined {
    const condition = this.#runtimeConditions?.find(({ type }) => type === "NetworkReady");
    if (condition?.status === true) return undefined;
    const { reason = "", message = this.#runtimeError } = condition ?? {};
    return `container runtime network not ready: NetworkReady=false reason:${reason} message:${message}`;
  }

  /** Whether that handler can make mounts read-only with everything below them. */
  recursiveReadOnlyMounts(handler: string): boolean {
    const found = this.#runtimeHandlers.find(({ name }) => name === handler);
    return found?.features?.recursiveReadOnlyMounts === true;
  }

  /** Whether that handler can give pods a user namespace of their own; throws for one that the runtime does not have. */
  userNamespaces(handler: string): boolean {
    if (this.#runtimeHandlers.length === 0) return false;
    const found = this.#runtimeHandlers.find(({ name }) => name === handler);
    if (found === undefined) throw new Error(`the handler ${JSON.stringify(handler)} is not known`);
    return found.features?.userNamespaces === true;
  }

  /** Whether the runtime keeps groups of the image away from a pod that asks for that. */
  get supplementalGroupsPolicy(): boolean {
    return this.#runtimeFeatures?.supplementalGroupsPolicy === true;
  }

  get isReady(): boolean {
    return this.#runtimeConditions?.every(({ status }) => status) === true;
  }

  /** The node as the API shows it has changed. */
  nodeUpdated(node: Node): void {
    this.#node = node;
  }

  /** The API has lost the node: register again. */
  nodeDeleted(): void {
    this.#node = undefined;
    this.#rest.wake();
  }

  /** Something has changed that readiness depends on. */
  checkSoon(): void {
    this.#rest.wake();
  }

  /** Runs until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    let retryMs = REGISTER_RETRY_MIN_MS;
    while (!signal.aborted) {
      let delayMs: number;
      try {
        await this.#checkRuntime(signal);
        if (this.#node === undefined) await this.#register(signal);
        else await this.#update(signal);
        retryMs = REGISTER_RETRY_MIN_MS;
        delayMs = this.isReady ? this.#options.updateMs : NOT_READY_POLL_MS;
      } catch (err) {
        if (signal.aborted) return;
        if (isNotFound(err)) this.#node = undefined;
        this.#options.logger.warn("Updating the node's status failed", { err });
        delayMs = retryMs;
        retryMs = Math.min(retryMs * 2, REGISTER_RETRY_MAX_MS);
      }
      await this.#rest.wait(delayMs, signal);
    }
  }

  async #checkRuntime(signal: AbortSignal): Promise<void> {
    const { runtime, clock, onRuntimeReady } = this.#options;
    const wasReady = this.isReady;
    using timeout = deadline(clock, RUNTIME_TIMEOUT_MS, new Error("the runtime does not answer"));
    try {
      const limited = AbortSignal.any([signal, timeout.signal]);
      const [version, { status, runtimeHandlers, features }] = await Promise.all([
        runtime.version(limited),
        runtime.status({}, limited),
      ]);
      this.#runtimeVersion = runtimeVersionOf(version);
      this.#runtimeConditions = status.conditions;
      this.#runtimeHandlers = runtimeHandlers;
      this.#runtimeFeatures = features;
    } catch (err) {
      signal.throwIfAborted();
      this.#runtimeConditions = undefined;
      this.#runtimeError = (err as Error).message;
    }
    if (wasReady !== this.isReady) onRuntimeReady(this.isReady);
  }

  async #register(signal: AbortSignal): Promise<void> {
    const { client, facts, recorder } = this.#options;
    const { clock, startup } = this.#options;
    startup.asksToRegister(clock.now());
    const status = await this.#status({}, signal);
    let isNew = true;
    try {
      this.#node = await client.create(Nodes, newNode(facts, status), signal);
      this.#reportedAtMs = clock.now();
      startup.registeredNew(this.#reportedAtMs);
    } catch (err) {
      if (!isAlreadyExists(err)) throw err;
      isNew = false;
      this.#node = await client.get(Nodes, { name: facts.nodeName }, signal);
      this.#isStrange = this.#options.devices().isFirstStart;
      await this.#reconcileLabels(this.#node, signal);
    }
    if (!this.#hasSaidStarting) recorder.event(this.#node, "Normal", "Starting", "Starting kubelet.");
    this.#hasSaidStarting = true;
    if (isNew) this.#announce({}, this.#node.status ?? {}, this.#node);
    // Create drops the status of a kind that has a status subresource.
    await this.#update(signal);
  }

  async #reconcileLabels(node: Node, signal: AbortSignal): Promise<void> {
    const { client, facts } = this.#options;
    const labels = nodeLabels(facts);
    const missing = Object.entries(labels).filter(([key, value]) => node.metadata.labels?.[key] !== value);
    if (missing.length === 0) return;
    const body = { metadata: { labels: Object.fromEntries(missing) } };
    this.#node = await client.patch(Nodes, { name: facts.nodeName }, { type: "strategic", body }, signal);
  }

  async #update(signal: AbortSignal): Promise<void> {
    const { client, clock, facts, reportMs } = this.#options;
    const node = this.#node!;
    const before = node.status ?? {};
    const status = await this.#status(before, signal);
    const changed = statusChanges(before, status);
    const due = clock.now() - this.#reportedAtMs >= reportMs;
    if (changed === undefined && !due) return;
    const body = { status: { ...changed, conditions: status.conditions } };
    const options = { subresource: "status" };
    const patch = { type: "strategic", body } as const;
    const written = await client.patch(Nodes, { name: facts.nodeName }, patch, signal, options);
    this.#reportedAtMs = clock.now();
    if (status.conditions?.some(({ type, status: is }) => type === "Ready" && is === "True"))
      this.#options.startup.ready(this.#reportedAtMs);
    this.#isStrange = false;
    this.#node = written;
    this.#announce(before, status, written);
  }

  #announce(before: NodeStatus, status: NodeStatus, node: Node): void {
    const { recorder, facts } = this.#options;
    for (const reason of planConditionEvents(before.conditions ?? [], status.conditions ?? []))
      recorder.event(node, "Normal", reason, `Node ${facts.nodeName} status is now: ${reason}`);
  }

  async #status(before: NodeStatus, signal: AbortSignal): Promise<NodeStatus> {
    const { facts, clock, pressure } = this.#options;
    const images = await this.#images(signal);
    const capacity = capacityOf(facts);
    const own = { capacity, allocatable: nodeAllocatable(capacity, facts.reserved) };
    const offered = this.#options.devices().capacity();
    const runtimeConditions = this.#runtimeConditions;
    const volumesInUse = this.#options.volumesInUse() ?? before.volumesInUse ?? [];
    const conditionFacts = {
      pressure: pressure(),
      runtimeConditions,
      runtimeError: this.#runtimeError,
      shutdownError: this.#options.shutdownError(),
    };
    return {
      ...withExtendedResources(own, before, offered, this.#isStrange),
      conditions: nodeConditions(conditionFacts, before.conditions ?? [], formatTime(clock.now())),
      addresses: nodeAddresses(facts),
      daemonEndpoints: { kubeletEndpoint: { Port: facts.port ?? 0 } },
      nodeInfo: nodeInfo({ ...facts, runtimeVersion: this.#runtimeVersion }),
      // Also none: a runtime may be replaced by an older one.
      ...(this.#runtimeHandlers.length + (before.runtimeHandlers ?? []).length > 0 && {
        runtimeHandlers: nodeHandlers(this.#runtimeHandlers),
      }),
      ...((this.#runtimeFeatures !== undefined || before.features !== undefined) && {
        features: { supplementalGroupsPolicy: this.supplementalGroupsPolicy },
      }),
      ...((volumesInUse.length > 0 || (before.volumesInUse ?? []).length > 0) && { volumesInUse }),
      ...(images.length > 0 && { images: nodeImages(images, facts.imagesMax) }),
    };
  }

  async #images(signal: AbortSignal): Promise<readonly Image[]> {
    if (this.#runtimeConditions === undefined) return [];
    try {
      return await this.#options.runtime.listImages({}, signal);
    } catch (err) {
      signal.throwIfAborted();
      this.#options.logger.debug("Listing images failed", { err });
      return [];
    }
  }
}

/** The fields to write; undefined when only times differ. Others' conditions and fields are not touched. */
function statusChanges(before: NodeStatus, after: NodeStatus): Readonly<Record<string, unknown>> | undefined {
  const changes: Record<string, unknown> = {};
  for (const field of [
    "capacity",
    "allocatable",
    "daemonEndpoints",
    "nodeInfo",
    "images",
    "volumesInUse",
    "runtimeHandlers",
    "features",
  ] as const) {
    if (after[field] !== undefined && !isDeepStrictEqual(before[field], after[field]))
      changes[field] = after[field];
  }
  if (!isDeepStrictEqual(before.addresses, after.addresses)) {
    // Two addresses of one type would be merged into one.
    changes["addresses"] = [...(after.addresses ?? []), { $patch: "replace" }];
  }
  const conditionChanged = (after.conditions ?? []).some((condition) => {
    const old = before.conditions?.find(({ type }) => type === condition.type);
    return (
      old?.status !== condition.status || old.reason !== condition.reason || old.message !== condition.message
    );
  });
  return conditionChanged || Object.keys(changes).length > 0 ? changes : undefined;
}
