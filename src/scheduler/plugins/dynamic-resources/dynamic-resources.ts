/** DynamicResources: pods get the devices that their ResourceClaims ask for (KEP-4381). @module */
import type { ContainerExtendedResourceRequest } from "#api/core/v1/types.gen";
import { matchesNodeSelector } from "#api/core/v1/node-selector";
import type { AllocationResult, ResourceClaim } from "#api/resource/v1/types.gen";
import { controllerOf, keyOf, parseDuration } from "#apimachinery";
import { eventOptions } from "../../event-options.ts";
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
import type { Answer, NodeAnswers } from "./allocation-answers.ts";
import { resultOf, type ChosenDevice } from "./allocation-result.ts";
import { allocate, AllocationError, AllocationTimeout } from "./allocator.ts";
import { bindClaim, deallocateClaim, unreserveClaim } from "./bind-claim.ts";
import { devicesToPrepare, isBindingHopeless } from "./binding-conditions.ts";
import { alternativesOf } from "./device-request.ts";
import type { DraManager } from "./dra-manager.ts";
import { createExtendedClaim, deleteExtendedClaim, noteExtendedClaim } from "./extended-claim.ts";
import {
  asksForDevices,
  extendedClaimOf,
  newExtendedClaim,
  requestsAndMappings,
  resourcesOfDevices,
} from "./extended-resources.ts";
import { canBeReserved, isReservedFor, podResourceClaims } from "./pod-resource-claims.ts";
import type { Pool } from "./pools.ts";
import { waitForDevices } from "./wait-for-devices.ts";

const NAME = "DynamicResources";
const NOT_HERE = unresolvable(NAME, "resourceclaim not available on the node");
const NO_DEVICES = unresolvable(NAME, "cannot allocate all claims");
const STALE = unresolvable(NAME, "cannot schedule extended resource claim");
const NO_RESOURCE = unresolvable(NAME, "cannot fit resource");
/** Upstream's FirstAvailableDeviceRequestMaxSize: the first alternative scores this, the next one less. */
const ALTERNATIVES_MAX = 8;

/** What the pod asks for where it is not allocated yet, on one node or on all that are alike. */
interface Asked {
  /** The one for extended resources is the last. */
  readonly claims: readonly ResourceClaim[];
  readonly extended: ExtendedClaim | undefined;
  /** To this and to equal pods. */
  readonly answers: NodeAnswers;
}

/** What the pod gets on one node. */
interface OnNode {
  readonly asked: Asked;
  /** In the order of the claims. */
  readonly devices: readonly (readonly ChosenDevice[])[];
}

interface Chosen {
  readonly asked: Asked;
  /** In the order of the claims. */
  readonly results: readonly AllocationResult[];
}

/** The claim for extended resources, as it would be written, and which container gets what of it. */
interface ExtendedClaim {
  readonly claim: ResourceClaim;
  readonly mappings: readonly ContainerExtendedResourceRequest[];
}

interface State {
  /** Those that the pod names. */
  readonly claims: readonly ResourceClaim[];
  readonly toAllocate: readonly ResourceClaim[];
  /** There are devices behind extended resources that the pod asks for. */
  readonly isExtended: boolean;
  /** By the resources that a node has as devices only. */
  readonly asked: Map<string, Asked>;
  /** Of nodes that have no resources beyond the common ones: mostly all. */
  usual: Asked | Status | undefined;
  /** For extended resources, by an earlier attempt: its devices need not be free or enough any more. */
  readonly stale: ResourceClaim | undefined;
  readonly allocations: Map<string, OnNode>;
  /** Claims that kept the pod from a node because they are elsewhere, or their devices do not get ready. */
  readonly elsewhere: Set<ResourceClaim>;
  /** What Reserve chose. */
  chosen: Chosen | undefined;
  /** Claims that PreBind has written. */
  readonly bound: Set<ResourceClaim>;
  /** The claim for extended resources, once PreBind has made it. */
  made: ResourceClaim | undefined;
}

export class DynamicResources implements Plugin {
  readonly name: string = NAME;
  readonly eventsToRegister: readonly EventInterest[] = [
    { resource: "Node", actions: ["add", "update"], changes: ["UpdateNodeLabel", "UpdateNodeAllocatable"] },
    { resource: "ResourceClaim", actions: ["add", "update", "delete"] },
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
    const dra = this.#dra;
    const isExtended = asksForDevices(pod.requests, dra.classes.byResource);
    if (claims.length === 0 && !isExtended) return { skip: true };
    const refusal = claims.map((claim) => refusalOf(claim, pod, dra)).find((why) => why !== undefined);
    if (refusal !== undefined) return { status: unresolvable(NAME, refusal) };
    const toAllocate = claims.filter(({ status }) => status?.allocation === undefined);
    const state: State = {
      claims,
      toAllocate,
      isExtended,
      asked: new Map(),
      usual: undefined,
      stale: isExtended ? extendedClaimOf(dra.claimsOwnedBy(pod.pod)) : undefined,
      allocations: new Map(),
      elsewhere: new Set(),
      chosen: undefined,
      bound: new Set(),
      made: undefined,
    };
    cycle.set(NAME, state);
    return undefined;
  }

  filter(cycle: CycleState, pod: PodInfo, node: NodeInfo): Status | undefined {
    const state = stateOf(cycle)!;
    if (state.stale !== undefined) return STALE;
    const hasMore = node.allocatable.scalar !== undefined;
    const asked = hasMore
      ? this.#askedOf(state, pod, node)
      : (state.usual ??= this.#askedOf(state, pod, node));
    if ("code" in asked) return asked;
    const elsewhere = state.claims.filter((claim) => this.#isElsewhere(claim, node));
    for (const claim of elsewhere) state.elsewhere.add(claim);
    if (elsewhere.length > 0) return NOT_HERE;
    if (asked.claims.length === 0) return undefined;
    const devices = this.#tryAllocate(asked, node);
    if ("code" in devices) return devices;
    state.allocations.set(node.name, { asked, devices });
    return undefined;
  }

  /** Resources that the node has without devices are not among it. */
  #askedOf(
    { asked, isExtended, toAllocate }: State,
    { pod, requests }: PodInfo,
    { allocatable }: NodeInfo,
  ): Asked | Status {
    const { classes, answers } = this.#dra;
    const names = isExtended ? resourcesOfDevices(requests, allocatable, classes.byResource) : NO_NAMES;
    if (names === undefined) return NO_RESOURCE;
    const key = names.length === 1 ? names[0]! : names.join();
    let found = asked.get(key);
    if (found !== undefined) return found;
    if (names.length === 0) {
      found = { claims: toAllocate, extended: undefined, answers: answers.of(toAllocate) };
    } else {
      const { requests: wanted, mappings } = requestsAndMappings(pod, names, classes.byResource);
      const claim = newExtendedClaim(pod, wanted);
      const claims = [...toAllocate, claim];
      found = { claims, extended: { claim, mappings }, answers: answers.of(claims) };
    }
    asked.set(key, found);
    return found;
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
    if (idle === undefined && state.stale !== undefined)
      return deleteExtendedClaim(this.#handle, state.stale, signal).then(() => ({
        status: unschedulable(NAME, "deletion of ResourceClaim completed"),
      }));
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
    const devices = state.allocations.get(node.name)?.devices ?? [];
    let sum = 0;
    for (const claim of state.claims) sum += scoreOf(claim, devices[state.toAllocate.indexOf(claim)]);
    return sum;
  }

  normalizeScore(_cycle: CycleState, scores: Float64Array): void {
    normalize(scores);
  }

  reserve(cycle: CycleState, _pod: PodInfo, nodeName: string): Status | undefined {
    const state = stateOf(cycle);
    if (state === undefined) return undefined;
    const onNode = state.allocations.get(nodeName);
    if (onNode === undefined && state.toAllocate.length === 0) return undefined;
    if (onNode === undefined)
      return { code: "Error", reasons: ["claim allocation not found for node"], plugin: NAME };
    const { asked, devices } = onNode;
    const { random } = this.#handle;
    const results = asked.claims.map((claim, i) => resultOf(claim, devices[i]!, nodeName, random));
    state.chosen = { asked, results };
    for (const [i, claim] of asked.claims.entries()) this.#dra.promise(claim, results[i]!);
    return undefined;
  }

  unreserve(cycle: CycleState, pod: PodInfo): void {
    const state = stateOf(cycle);
    if (state === undefined) return;
    for (const claim of state.chosen?.asked.claims ?? []) this.#dra.release(claim);
    for (const claim of state.bound) giveBack(claim, pod, this.#handle);
    state.bound.clear();
    if (state.made !== undefined) takeBack(state.made, pod, this.#handle, this.#dra);
    state.made = undefined;
  }

  preBindPreFlight(cycle: CycleState): "skip" | undefined {
    const state = stateOf(cycle);
    const hasWork = state !== undefined && (state.claims.length > 0 || state.chosen !== undefined);
    return hasWork ? undefined : "skip";
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
      const allocation = state.chosen?.results[state.toAllocate.indexOf(claim)];
      // another pod may have written since this one was placed
      const newest = allocation === undefined ? (this.#dra.claim(keyOf(claim)) ?? claim) : claim;
      const bound = await bindClaim(this.#handle, newest, allocation, pod, signal);
      state.bound.add(bound);
      this.#dra.wrote(bound);
      this.#dra.release(claim);
    }
    await this.#bindExtended(state, pod, signal);
    const own = state.made === undefined ? state.claims : [...state.claims, state.made];
    const claims = own.map((claim) => this.#dra.claim(keyOf(claim)) ?? claim);
    if (!claims.some((claim) => devicesToPrepare(claim).length > 0)) return undefined;
    const { recorder, clock, metrics, profileName } = this.#handle;
    const message = `waiting for binding conditions for device on node ${nodeName}`;
    recorder.event(
      pod.pod,
      "Normal",
      "BindingConditionsPending",
      message,
      eventOptions(pod.pod, "Scheduling"),
    );
    const parts = { dra: this.#dra, clock, metrics, profileName, timeoutMs: this.#bindingTimeoutMs };
    await waitForDevices(parts, claims, signal);
    return undefined;
  }

  /** Only now is the claim for extended resources written: before, it would hold devices of a node that is not chosen. */
  async #bindExtended(state: State, pod: PodInfo, signal: AbortSignal): Promise<void> {
    const { asked, results = [] } = state.chosen ?? {};
    if (asked?.extended === undefined) return;
    const { claim, mappings } = asked.extended;
    state.made = await createExtendedClaim(this.#handle, claim, signal);
    state.made = await bindClaim(this.#handle, state.made, results.at(-1), pod, signal);
    this.#dra.wrote(state.made);
    this.#dra.release(claim);
    await noteExtendedClaim(this.#handle, pod, state.made, mappings, signal);
  }

  queueingHint(event: ClusterEvent, pod: PodInfo): boolean {
    return event.resource !== "ResourceClaim" || claimHelps(event, pod, this.#claimsOf(pod));
  }

  #isElsewhere(claim: ResourceClaim, node: NodeInfo): boolean {
    const allocation = claim.status?.allocation;
    if (allocation === undefined) return false;
    const terms = allocation.nodeSelector?.nodeSelectorTerms;
    if (terms !== undefined && !matchesNodeSelector(terms, node)) return true;
    return isBindingHopeless(claim, this.#bindingTimeoutMs, this.#handle.clock.now());
  }

  #tryAllocate({ claims, answers }: Asked, node: NodeInfo): readonly (readonly ChosenDevice[])[] | Status {
    const pools = this.#dra.poolsFor(node);
    try {
      return answers.get(node, pools, () => this.#allocate(claims, pools)) ?? NO_DEVICES;
    } catch (err) {
      if (err instanceof AllocationError) return unresolvable(NAME, err.message);
      if (!(err instanceof AllocationTimeout)) throw err;
      // it may pass: the pod is tried again after a back-off
      return { code: "Error", reasons: [`node ${node.name}: ${err.message}`], plugin: NAME };
    }
  }

  #allocate(claims: readonly ResourceClaim[], pools: readonly Pool[]): Answer {
    const { classes, allocated, selectors } = this.#dra;
    const { clock } = this.#handle;
    const timeoutMs = this.#filterTimeoutMs;
    const startMs = clock.monotonicMs();
    return allocate(claims, {
      pools,
      classes: (name: string) => classes.byName(name),
      allocated,
      selectors,
      isLate: () => timeoutMs > 0 && clock.monotonicMs() - startMs >= timeoutMs,
    });
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
const NO_NAMES: readonly string[] = [];

function stateOf(cycle: CycleState): State | undefined {
  return cycle.get(NAME) as State | undefined;
}

/** Why the pod cannot be placed at all with this claim as it is. */
function refusalOf(claim: ResourceClaim, pod: PodInfo, dra: DraManager): string | undefined {
  if (claim.status?.allocation !== undefined)
    return canBeReserved(claim) || isReservedFor(claim, pod.uid) ? undefined : "resourceclaim in use";
  if (dra.isPending(claim)) return `resource claim ${keyOf(claim)} is in the process of being allocated`;
  for (const request of claim.spec.devices?.requests ?? []) {
    const alternatives = alternativesOf(request, (name) => dra.classes.byName(name));
    if (typeof alternatives === "string") return alternatives;
  }
  return undefined;
}

/** Better alternatives of requests with several count for more. `chosen`: if it is not allocated yet. */
function scoreOf({ spec, status }: ResourceClaim, chosen: readonly ChosenDevice[] = []): number {
  if (!(spec.devices?.requests ?? []).some(({ firstAvailable }) => firstAvailable !== undefined)) return 0;
  const allocation = status?.allocation;
  const used = new Set(
    allocation === undefined
      ? chosen.map(({ wanted }) => wanted.name)
      : (allocation.devices?.results ?? []).map(({ request }) => request),
  );
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

/** The pod is tried again: what was made for it must not stay. Nobody waits here either. */
function takeBack(claim: ResourceClaim, pod: PodInfo, handle: Handle, dra: DraManager): void {
  const { signal } = new AbortController();
  deleteExtendedClaim(handle, claim, signal).then(
    () => dra.removed(claim),
    (err: unknown) =>
      handle.logger.warn("could not delete a resource claim", { claim: keyOf(claim), pod: pod.key, err }),
  );
}

/** A claim that was given back frees devices for anybody; else only the claims of the pod matter to it. */
function claimHelps(
  { object }: ClusterEvent,
  pod: PodInfo,
  claims: readonly ResourceClaim[] | string,
): boolean {
  if (typeof claims === "string") return false;
  const [old, now] = [object?.old, object?.new] as (ResourceClaim | undefined)[];
  if (old !== undefined && now === undefined && controllerOf(old)?.uid === pod.uid) return true;
  if (old?.status?.allocation !== undefined && now?.status?.allocation === undefined) return true;
  if (now === undefined || !claims.some(({ metadata }) => metadata.uid === now.metadata.uid)) return false;
  return old === undefined || JSON.stringify(old.status) !== JSON.stringify(now.status);
}
