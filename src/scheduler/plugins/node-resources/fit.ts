/** NodeResourcesFit: a node has what the pod asks for, and by the strategy of the profile one is better than another. @module */
import type { Node } from "#api/core/v1/types.gen";
import { classesByResource, type ClassOfResource } from "#api/resource/v1/extended-resource-classes";
import type { DeviceClass } from "#api/resource/v1/types.gen";
import type { NodeInfo } from "../../cache/node-info.ts";
import type { PodInfo } from "../../cache/pod-info.ts";
import { readResources, type Resources } from "../../cache/resources.ts";
import type { NodeResourcesFitArgs } from "../../config/types.ts";
import { isExtendedResource } from "../../config/validation.ts";
import type { ClusterEvent } from "../../framework/cluster-event.ts";
import type { Plugin } from "../../framework/plugin.ts";
import { unresolvable, unschedulable, type Status } from "../../framework/status.ts";
import { eventPod } from "../event-pod.ts";
import type { DeviceTotals } from "../dynamic-resources/device-totals.ts";
import { leastAllocated, scoreByStrategy } from "./scoring.ts";

const NAME = "NodeResourcesFit";

type IsIgnored = (resource: string) => boolean;

/**
 * `classOf` tells the resources that a node need not have itself: devices back them, and DynamicResources finds those.
 * `devices` counts them for strategies that name such a resource.
 */
export function nodeResourcesFit(
  args: NodeResourcesFitArgs,
  classOf: ClassOfResource,
  devices?: DeviceTotals,
): Plugin {
  const { ignoredResources, ignoredResourceGroups, scoringStrategy } = args;
  const isIgnored: IsIgnored = (resource) =>
    isExtendedResource(resource) &&
    (ignoredResources.includes(resource) || ignoredResourceGroups.includes(resource.split("/")[0]!));
  return {
    name: NAME,
    filter(_state, pod, node) {
      const { requests } = pod;
      const { allocatable, requested } = node;
      const fits =
        node.pods.size + 1 <= node.allowedPods &&
        (requests.milliCPU === 0 || requests.milliCPU <= allocatable.milliCPU - requested.milliCPU) &&
        (requests.memory === 0 || requests.memory <= allocatable.memory - requested.memory) &&
        (requests.ephemeralStorage === 0 ||
          requests.ephemeralStorage <= allocatable.ephemeralStorage - requested.ephemeralStorage) &&
        requests.scalar === undefined;
      return fits ? undefined : explainMisfit(pod, node, isIgnored, classOf);
    },
    sign: ({ requests }) => signOf(requests),
    score: isDefault(scoringStrategy) ? leastAllocated : scoreByStrategy(scoringStrategy, devices),
    eventsToRegister: [
      { resource: "AssignedPod", actions: ["update", "delete"], changes: ["UpdatePodScaleDown"] },
      { resource: "Node", actions: ["add", "update"], changes: ["UpdateNodeAllocatable"] },
      { resource: "DeviceClass", actions: ["add", "update"] },
    ],
    queueingHint: (event, pod) =>
      event.resource === "DeviceClass" ? isNowBacked(event, pod) : mayHelp(event, pod, isIgnored, classOf),
  };
}

/** The strategy of almost everybody has a scorer that allocates nothing. */
function isDefault({ type, resources }: NodeResourcesFitArgs["scoringStrategy"]): boolean {
  const [first, second] = resources;
  return (
    type === "LeastAllocated" &&
    resources.length === 2 &&
    first!.name === "cpu" &&
    second!.name === "memory" &&
    first!.weight === 1 &&
    second!.weight === 1
  );
}

function signOf({ milliCPU, memory, ephemeralStorage, scalar }: Readonly<Resources>): string {
  return `${milliCPU} ${memory} ${ephemeralStorage} ${scalar === undefined ? "" : JSON.stringify([...scalar])}`;
}

/** Which of the common resources are short, as bits, in the order of upstream's reasons. */
const REASONS = [
  "Too many pods",
  "Insufficient cpu",
  "Insufficient memory",
  "Insufficient ephemeral-storage",
];

/** Thousands of nodes refuse a pod for a handful of sets of reasons: each is made once. By bits and resolvability. */
const misfits: (Status | undefined)[] = [];

function misfit(bits: number, isResolvable: boolean, scalars: readonly string[]): Status {
  if (scalars.length > 0) return newMisfit(bits, isResolvable, scalars);
  return (misfits[bits * 2 + (isResolvable ? 1 : 0)] ??= newMisfit(bits, isResolvable, scalars));
}

function newMisfit(bits: number, isResolvable: boolean, scalars: readonly string[]): Status {
  const reasons = REASONS.filter((_, i) => (bits & (1 << i)) !== 0);
  const make = isResolvable ? unschedulable : unresolvable;
  return make(NAME, ...reasons, ...scalars.map((name) => `Insufficient ${name}`));
}

/** What an empty node would not have either, no preemption makes room for. */
function explainMisfit(
  { requests }: PodInfo,
  { allocatable, requested, pods, allowedPods }: NodeInfo,
  isIgnored: IsIgnored,
  classOf: ClassOfResource,
): Status | undefined {
  let bits = pods.size + 1 > allowedPods ? 1 : 0;
  let isResolvable = true;
  const check = (wanted: number, all: number, used: number): boolean => {
    if (wanted === 0 || wanted <= all - used) return false;
    if (wanted > all) isResolvable = false;
    return true;
  };
  if (check(requests.milliCPU, allocatable.milliCPU, requested.milliCPU)) bits |= 2;
  if (check(requests.memory, allocatable.memory, requested.memory)) bits |= 4;
  if (check(requests.ephemeralStorage, allocatable.ephemeralStorage, requested.ephemeralStorage)) bits |= 8;
  if (requests.scalar === undefined) return bits === 0 ? undefined : misfit(bits, isResolvable, NO_NAMES);
  const scalars: string[] = [];
  for (const [name, wanted] of requests.scalar) {
    if (wanted === 0 || isIgnored(name)) continue;
    const all = allocatable.scalar?.get(name) ?? 0;
    if (all === 0 && classOf(name) !== undefined) continue;
    if (check(wanted, all, requested.scalar?.get(name) ?? 0)) scalars.push(name);
  }
  return bits === 0 && scalars.length === 0 ? undefined : misfit(bits, isResolvable, scalars);
}

const NO_NAMES: readonly string[] = [];

/** A pod that goes or shrinks, and a node that could hold the pod and has more than before. */
function mayHelp(event: ClusterEvent, pod: PodInfo, isIgnored: IsIgnored, classOf: ClassOfResource): boolean {
  const { node, resource } = event;
  if (resource !== "Node") return event.action === "delete" || hasShrunk(event, pod);
  if (node?.new === undefined || !couldHold(node.new, pod, isIgnored, classOf)) return false;
  return node.old === undefined || hasGrown(node.old, node.new, pod, classOf);
}

/** A class that is new, or stands for another resource than before, which the pod asks for. */
function isNowBacked({ object }: ClusterEvent, { requests }: PodInfo): boolean {
  const [old, now] = [object?.old, object?.new] as (DeviceClass | undefined)[];
  if (now === undefined) return false;
  const { extendedResourceName } = now.spec;
  if (old !== undefined && old.spec.extendedResourceName === extendedResourceName) return false;
  const names = classesByResource([now]);
  return [...(requests.scalar ?? [])].some(([name]) => names.has(name));
}

function hasShrunk(event: ClusterEvent, { uid, requests }: PodInfo): boolean {
  const [before, after] = [eventPod(event, "old"), eventPod(event, "new")];
  if (before === undefined || after === undefined || after.uid === uid) return true;
  return hasMore(before.requests, after.requests, requests);
}

/** Whether the node had room if it were empty. */
function couldHold(
  node: Node,
  { requests }: PodInfo,
  isIgnored: IsIgnored,
  classOf: ClassOfResource,
): boolean {
  const { milliCPU, memory, ephemeralStorage, scalar } = readResources(node.status?.allocatable);
  return (
    requests.milliCPU <= milliCPU &&
    requests.memory <= memory &&
    requests.ephemeralStorage <= ephemeralStorage &&
    [...(requests.scalar ?? [])].every(([name, wanted]) => {
      const all = scalar?.get(name) ?? 0;
      return wanted <= all || isIgnored(name) || (all === 0 && classOf(name) !== undefined);
    })
  );
}

function hasGrown(before: Node, after: Node, { requests }: PodInfo, classOf: ClassOfResource): boolean {
  const [was, is] = [before.status?.allocatable, after.status?.allocatable];
  if (Number(is?.["pods"] ?? 0) > Number(was?.["pods"] ?? 0)) return true;
  const [now, then] = [readResources(is), readResources(was)];
  if (hasMore(now, then, requests)) return true;
  return [...(requests.scalar ?? [])].some(
    ([name, amount]) => amount > 0 && !now.scalar?.get(name) && classOf(name) !== undefined,
  );
}

/** Whether `a` has more than `b` of anything that is wanted. */
function hasMore(a: Readonly<Resources>, b: Readonly<Resources>, wanted: Readonly<Resources>): boolean {
  return (
    (wanted.milliCPU > 0 && a.milliCPU > b.milliCPU) ||
    (wanted.memory > 0 && a.memory > b.memory) ||
    (wanted.ephemeralStorage > 0 && a.ephemeralStorage > b.ephemeralStorage) ||
    [...(wanted.scalar ?? [])].some(
      ([name, amount]) => amount > 0 && (a.scalar?.get(name) ?? 0) > (b.scalar?.get(name) ?? 0),
    )
  );
}
