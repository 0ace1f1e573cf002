/** What pods use of a ResourceQuota. @module */
import { parseTime } from "#apimachinery";
import type { ResourceList } from "../pod-resources.ts";
import { effectivePodLimits, effectivePodRequests } from "../pod-effective-resources.ts";
import { isTerminalPhase } from "../pod-state.ts";
import { computeQosClass } from "../qos.ts";
import type { Container, Pod, PodAffinityTerm, ScopedResourceSelectorRequirement } from "../types.gen.ts";
import type { QuotaEvaluator } from "./evaluator.ts";
import { matchesNames } from "./evaluator.ts";

const COUNT = "count/pods";
const COMPUTE = ["cpu", "memory", "ephemeral-storage"] as const;
const NAMES: ReadonlySet<string> = new Set([
  COUNT,
  "pods",
  ...COMPUTE.flatMap((name) => [name, `requests.${name}`, `limits.${name}`]),
]);
/** Under a quota of these, every container must say how much it needs. */
const CONSTRAINED: ReadonlySet<string> = new Set(
  ["cpu", "memory"].flatMap((name) => [name, `requests.${name}`, `limits.${name}`]),
);

export const podEvaluator: QuotaEvaluator<Pod> = {
  matchingResources: (names) => names.filter(isPodResource),
  matchesScope,
  usage: podUsage,
  constraints,
};

function isPodResource(name: string): boolean {
  if (NAMES.has(name) || name.startsWith("hugepages-") || name.startsWith("requests.hugepages-")) return true;
  if (!name.startsWith("requests.")) return false;
  return isExtended(name.slice("requests.".length));
}

/** Resources of devices: `nvidia.com/gpu`, `deviceclass.resource.kubernetes.io/NAME`. */
function isExtended(name: string): boolean {
  if (name.startsWith("deviceclass.resource.kubernetes.io/")) return true;
  return name.includes("/") && !name.includes("kubernetes.io/");
}

/** Pods that have ended, or should be gone, still count as objects, but use nothing. */
function podUsage(pod: Pod, nowMs: number): ResourceList {
  if (!isUsing(pod, nowMs) || pod.spec === undefined) return { [COUNT]: "1" };
  return { [COUNT]: "1", ...computeUsage(effectivePodRequests(pod), effectivePodLimits(pod)) };
}

/** Whether the pod holds what it asked for. */
export function isUsing({ metadata, status }: Pod, nowMs: number): boolean {
  if (isTerminalPhase(status?.phase)) return false;
  const { deletionTimestamp, deletionGracePeriodSeconds } = metadata;
  if (deletionTimestamp === undefined || deletionGracePeriodSeconds === undefined) return true;
  return nowMs <= parseTime(deletionTimestamp) + deletionGracePeriodSeconds * 1000;
}

function computeUsage(requests: ResourceList, limits: ResourceList): ResourceList {
  const usage: Record<string, string> = { pods: "1" };
  for (const name of COMPUTE) {
    const [request, limit] = [requests[name], limits[name]];
    if (request !== undefined) usage[name] = usage[`requests.${name}`] = request;
    if (limit !== undefined) usage[`limits.${name}`] = limit;
  }
  for (const [name, request] of Object.entries(requests)) {
    if (name.startsWith("hugepages-")) usage[name] = request;
    if (name.startsWith("hugepages-") || isExtended(name)) usage[`requests.${name}`] = request;
  }
  return usage;
}

function matchesScope(scope: ScopedResourceSelectorRequirement, { spec }: Pod): boolean {
  switch (scope.scopeName) {
    case "Terminating":
      return isMeantToEnd(spec);
    case "NotTerminating":
      return !isMeantToEnd(spec);
    case "BestEffort":
      return isBestEffort(spec);
    case "NotBestEffort":
      return !isBestEffort(spec);
    case "PriorityClass": {
      const name = spec?.priorityClassName ?? "";
      return matchesNames(scope, name === "" ? [] : [name]);
    }
    case "CrossNamespacePodAffinity":
      return affinityTerms(spec).some(
        ({ namespaces = [], namespaceSelector }) => namespaces.length > 0 || namespaceSelector !== undefined,
      );
    default:
      return false;
  }
}

function isBestEffort(spec: Pod["spec"]): boolean {
  return spec === undefined || computeQosClass(spec) === "BestEffort";
}

/** The scope Terminating: not to be confused with pods that are being deleted. */
export function isMeantToEnd(spec: Pod["spec"]): boolean {
  return (spec?.activeDeadlineSeconds ?? -1) >= 0;
}

function affinityTerms(spec: Pod["spec"]): readonly PodAffinityTerm[] {
  const { podAffinity, podAntiAffinity } = spec?.affinity ?? {};
  return [podAffinity, podAntiAffinity].flatMap((affinity) => [
    ...(affinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []),
    ...(affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map((term) => term.podAffinityTerm),
  ]);
}

function constraints(names: readonly string[], { spec }: Pod): string | undefined {
  if (spec === undefined || hasPodLevelResources(spec)) return undefined;
  const required = names.filter((name) => CONSTRAINED.has(name)).toSorted();
  const containers = [...spec.containers, ...(spec.initContainers ?? [])];
  const missing = required.flatMap((name) => {
    const without = containers.filter((container) => !(name in usageOf(container)));
    const list = without.map((container) => container.name).toSorted();
    return list.length === 0 ? [] : [`${name} for: ${[...new Set(list)].join(",")}`];
  });
  return missing.length === 0 ? undefined : `must specify ${missing.join("; ")}`;
}

function usageOf({ resources }: Container): ResourceList {
  return computeUsage(resources?.requests ?? {}, resources?.limits ?? {});
}

function hasPodLevelResources({ resources }: NonNullable<Pod["spec"]>): boolean {
  const names = [...Object.keys(resources?.requests ?? {}), ...Object.keys(resources?.limits ?? {})];
  return names.length > 0;
}
