/** DynamicResources: pods get the devices that their ResourceClaims ask for (KEP-4381). @module */
import { matchesNodeSelector } from "#api/core/v1/node-selector";
import type { AllocationResult, ResourceClaim } from "#api/resource/v1/types.gen";
import { keyOf, parseDuration } from "#apimachinery";
import type { NodeInfo } from "../../cache/node-info.ts";
import type { PodInfo } from "../../cache/pod-info.ts";
import type { DynamicResourcesArgs } from "../../config/types.ts";
import type { ClusterEvent, EventInterest } from "../../framework/cluster-event.ts";
import type { Handle } from "../../framework/handle.ts";
import type {
  Cycle,
  CycleState,
  Plugin,
  PostFilterResult,
  PreFilterResult,
  RefusedNodes,
  Snapshot,
} from "../../framework/plugin.ts";
import { unresolvable, unschedulable, type Status } from "../../framework/status.ts";
import { normalize } from "../scores.ts";
import type { AllocatedState } from "./allocated-devices.ts";
import { allocate, AllocationError, AllocationTimeout } from "./allocator.ts";
import { bindClaim, deallocateClaim, unreserveClaim } from "./bind-claim.ts";
import { devicesToPrepare, isBindingHopeless } from "./binding-conditions.ts";
import { alternativesOf } from "./device-request.ts";
import type { DraManager } from "./dra-manager.ts";
import { canBeReserved, isReservedFor, podResourceClaims } from "./pod-resource-claims.ts";
import { waitForDevices } from "./wait-for-devices.ts";

const NAME = "DynamicResources";
const NOT_HERE = unresolvable(NAME, "resourceclaim not available on the node");
const NO_DEVICES = unresolvable(NAME, "cannot allocate all claims");
/** Upstream's FirstAvailableDeviceRequestMaxSize: the first alternative scores this, the next one less. */
const ALTERNATIVES_MAX = 8;

interface State {
  readonly claims: readonly ResourceClaim[];
  readonly toAllocate: readonly ResourceClaim[];
  /** By node: in the order of `toAllocate`. */
  readonly allocations: Map<string, readonly AllocationResult[]>;
  /** Counted once in a cycle. */
  readonly allocated: AllocatedState;
  /** Claims that kept the pod from a node because they are elsewhere, or their devices do not get ready. */
  readonly elsewhere: Set<ResourceClaim>;
  /** What Reserve chose. */
  chosen: readonly AllocationResult[] | undefined;
  /** Claims that PreBind has written. */
  readonly bound: Set<ResourceClaim>;
}

export class DynamicResources implements Plugin {
  readonly name: string = NAME;
  readonly eventsToRegister: readonly EventInterest[] = [
    { resource: "Node", actions: ["add", "update"], changes: ["UpdateNodeLabel", "UpdateNodeAllocatable"] },
    { resource: "ResourceClaim", actions: ["add", "update"] },
    { resource: "UnscheduledPod", actions: ["update"], changes: ["UpdatePodGeneratedResourceClaim"] },
    { resource: "DeviceClass", actions: ["add", "update"] },
    { resource: "ResourceSlice", actions: ["add", "update"] },
    { resource: "DeviceTaintRule", actions: ["update", "delete"] },
  ];
  readonly #handle: Handle;
  readonly #dra: DraManager;
  /** Zero: no bound. */
  readonly #filterTimeoutMs: number;
  readonly #bindingTimeoutMs: number;

  constructor({ filterTimeout, bindingTimeout }: DynamicResourcesArgs, handle: Handle, dra: DraManager) {
    this.#handle = handle;
    this.#dra = dra;
    this.#filterTimeoutMs = parseDuration(filterTimeout);
    this.#bindingTimeoutMs = parseDuration(bindingTimeout);
  }

  preEnqueue(pod: PodInfo): Status | undefined {
    const claims = this.#claimsOf(pod);
    return typeof claims === "string" ? unresolvable(NAME, claims) : undefined;
  }

  preFilter(cycle: CycleState, pod: PodInfo): PreFilterResult | undefined {
    const claims = this.#claimsOf(pod);
    if (typeof claims === "string") return { status: unresolvable(NAME, claims) };
    if (claims.length === 0) return { skip: true };
    const dra = this.#dra;
    const refusal = claims.map((claim) => refusalOf(claim, pod, dra)).find((why) => why !== undefined);
    if (refusal !== undefined) return { status: unresolvable(NAME, refusal) };
    const toAllocate = claims.filter(({ status }) => status?.allocation === undefined);
    const state: State = {
      claims,
      toAllocate,
      allocated: toAllocate.length === 0 ? NOTHING_ALLOCATED : dra.allocated(),
      allocations: new Map(),
      elsewhere: new Set(),
      chosen: undefined,
      bound: new Set(),
    };
    cycle.set(NAME, state);
    return undefined;
  }

  filter(cycle: CycleState, _pod: PodInfo, node: NodeInfo): Status | undefined {
    const state = stateOf(cycle)!;
    const elsewhere = state.claims.filter((claim) => this.#isElsewhere(claim, node));
    for (const claim of elsewhere) state.elsewhere.add(claim);
    if (elsewhere.length > 0) return NOT_HERE;
    if (state.toAllocate.length === 0) return undefined;
    const result = this.#tryAllocate(state, node);
    if ("code" in result) return result;
    state.allocations.set(node.name, result);
    return undefined;
  }

  /** Before pods are sent away an idle claim is given back that keeps the pod elsewhere. */
  postFilter(
    cycle: Cycle | undefined,
    pod: PodInfo,
    _refused: RefusedNodes,
    _snapshot: Snapshot,
    signal: AbortSignal,
  ): PostFilterResult | Promise<PostFilterResult> {
    const state = cycle && stateOf(cycle.state);
    if (state === undefined) return NOTHING_TO_DEALLOCATE;
    const idle = state.elsewhere.values().find(({ status }) => {
      const users = status?.reservedFor ?? [];
      return users.length === 0 || (users.length === 1 && users[0]!.uid === pod.uid);
    });
    if (idle === undefined) return { status: unschedulable(NAME, "still not schedulable") };
    return deallocateClaim(this.#handle, idle, signal).then(() => ({
      status: unschedulable(NAME, "deallocation of ResourceClaim completed"),
    }));
  }

  preScore(cycle: CycleState): "skip" | undefined {
    return cycle.has(NAME) ? undefined : "skip";
  }

  score(cycle: CycleState, _pod: PodInfo, node: NodeInfo): number {
    const state = stateOf(cycle)!;
    const allocations = state.allocations.get(node.name) ?? [];
    let sum = 0;
    for (const claim of state.claims)
      sum += scoreOf(claim, claim.status?.allocation ?? allocations[state.toAllocate.indexOf(claim)]);
    return sum;
  }

  normalizeScore(_cycle: CycleState, scores: Float64Array): void {
    normalize(scores);
  }

  reserve(cycle: CycleState, _pod: PodInfo, nodeName: string): Status | undefined {
    const state = stateOf(cycle);
    if (state === undefined || state.toAllocate.length === 0) return undefined;
    const allocations = state.allocations.get(nodeName);
    if (allocations === undefined)
      return { code: "Error", reasons: ["claim allocation not found for node"], plugin: NAME };
    state.chosen = allocations;
    for (const [i, claim] of state.toAllocate.entries()) this.#dra.promise(claim, allocations[i]!);
    return undefined;
  }

  unreserve(cycle: CycleState, pod: PodInfo): void {
    const state = stateOf(cycle);
    if (state === undefined) return;
    for (const claim of state.chosen === undefined ? [] : state.toAllocate) this.#dra.release(claim);
    for (const claim of state.bound) giveBack(claim, pod, this.#handle);
    state.bound.clear();
  }

  preBindPreFlight(cycle: CycleState): "skip" | undefined {
    return stateOf(cycle) === undefined ? "skip" : undefined;
  }

  async preBind(
    cycle: CycleState,
    pod: PodInfo,
    nodeName: string,
    signal: AbortSignal,
  ): Promise<Status | undefined> {
    const state = stateOf(cycle)!;
    for (const claim of state.claims) {
      if (isReservedFor(claim, pod.uid)) continue;
      const allocation = state.chosen?.[state.toAllocate.indexOf(claim)];
      // another pod may have written since this one was placed
      const newest = allocation === undefined ? (this.#dra.claim(keyOf(claim)) ?? claim) : claim;
      const bound = await bindClaim(this.#handle, newest, allocation, pod, signal);
      state.bound.add(bound);
      this.#dra.wrote(bound);
      this.#dra.release(claim);
    }
    const claims = state.claims.map((claim) => this.#dra.claim(keyOf(claim)) ?? claim);
    if (!claims.some((claim) => devicesToPrepare(claim).length > 0)) return undefined;
    const { recorder, clock, metrics, profileName } = this.#handle;
    const message = `waiting for binding conditions for device on node ${nodeName}`;
    recorder.event(pod.pod, "Normal", "BindingConditionsPending", message);
    const parts = { dra: this.#dra, clock, metrics, profileName, timeoutMs: this.#bindingTimeoutMs };
    await waitForDevices(parts, claims, signal);
    return undefined;
  }

  queueingHint(event: ClusterEvent, pod: PodInfo): boolean {
    return event.resource !== "ResourceClaim" || claimHelps(event, this.#claimsOf(pod));
  }

  #isElsewhere(claim: ResourceClaim, node: NodeInfo): boolean {
    const allocation = claim.status?.allocation;
    if (allocation === undefined) return false;
    const terms = allocation.nodeSelector?.nodeSelectorTerms;
    if (terms !== undefined && !matchesNodeSelector(terms, node)) return true;
    return isBindingHopeless(claim, this.#bindingTimeoutMs, this.#handle.clock.now());
  }

  #tryAllocate({ toAllocate, allocated }: State, node: NodeInfo): readonly AllocationResult[] | Status {
    const dra = this.#dra;
    const { clock, random } = this.#handle;
    const timeoutMs = this.#filterTimeoutMs;
    const startMs = clock.monotonicMs();
    const parts = {
      slices: dra.slicesFor(node.name),
      classes: (name: string) => dra.deviceClass(name),
      allocated,
      selectors: dra.selectors,
      random,
      isLate: () => timeoutMs > 0 && clock.monotonicMs() - startMs >= timeoutMs,
    };
    try {
      return allocate(toAllocate, node, parts) ?? NO_DEVICES;
    } catch (err) {
      if (err instanceof AllocationError) return unresolvable(NAME, err.message);
      if (!(err instanceof AllocationTimeout)) throw err;
      // it may pass: the pod is tried again after a back-off
      return { code: "Error", reasons: [`node ${node.name}: ${err.message}`], plugin: NAME };
    }
  }

  #claimsOf({ pod }: PodInfo): readonly ResourceClaim[] | string {
    if ((pod.spec?.resourceClaims ?? []).length === 0) return NO_CLAIMS;
    return podResourceClaims(pod, (key) => this.#dra.claim(key));
  }
}

const NOTHING_TO_DEALLOCATE: PostFilterResult = {
  status: unschedulable(NAME, "no new claims to deallocate"),
};
const NO_CLAIMS: readonly ResourceClaim[] = [];
const NOTHING_ALLOCATED: AllocatedState = { dedicated: new Set(), shared: new Map() };

function stateOf(cycle: CycleState): State | undefined {
  return cycle.get(NAME) as State | undefined;
}

/** Why the pod cannot be placed at all with this claim as it is. */
function refusalOf(claim: ResourceClaim, pod: PodInfo, dra: DraManager): string | undefined {
  if (claim.status?.allocation !== undefined)
    return canBeReserved(claim) || isReservedFor(claim, pod.uid) ? undefined : "resourceclaim in use";
  if (dra.isPending(claim)) return `resource claim ${keyOf(claim)} is in the process of being allocated`;
  for (const request of claim.spec.devices?.requests ?? []) {
    const alternatives = alternativesOf(request, (name) => dra.deviceClass(name));
    if (typeof alternatives === "string") return alternatives;
  }
  return undefined;
}

/** Better alternatives of requests with several count for more. */
function scoreOf({ spec }: ResourceClaim, allocation: AllocationResult | undefined): number {
  const used = new Set((allocation?.devices?.results ?? []).map(({ request }) => request));
  let score = 0;
  for (const { name, firstAvailable = [] } of spec.devices?.requests ?? [])
    for (const [i, sub] of firstAvailable.entries())
      if (used.has(`${name}/${sub.name}`)) score += ALTERNATIVES_MAX - i;
  return score;
}

/** The write goes on by itself: nobody waits for it, and the claim controller mends it if it fails. */
function giveBack(claim: ResourceClaim, pod: PodInfo, handle: Handle): void {
  const { signal } = new AbortController();
  unreserveClaim(handle, claim, pod.uid, signal).catch((err: unknown) =>
    handle.logger.warn("could not unreserve a resource claim", { claim: keyOf(claim), pod: pod.key, err }),
  );
}

/** A claim that was given back frees devices for anybody; else only the claims of the pod matter to it. */
function claimHelps({ object }: ClusterEvent, claims: readonly ResourceClaim[] | string): boolean {
  if (typeof claims === "string") return false;
  const [old, now] = [object?.old, object?.new] as (ResourceClaim | undefined)[];
  if (old?.status?.allocation !== undefined && now?.status?.allocation === undefined) return true;
  if (now === undefined || !claims.some(({ metadata }) => metadata.uid === now.metadata.uid)) return false;
  return old === undefined || JSON.stringify(old.status) !== JSON.stringify(now.status);
}
