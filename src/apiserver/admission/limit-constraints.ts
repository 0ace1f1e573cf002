/** Whether what an object asks for keeps within a LimitRange, and why not. Pure. @module */
import {
  canonicalQuantity,
  compareAmounts,
  compareStrings,
  parseQuantity,
  quantityToNumber,
} from "#apimachinery";
import {
  aggregateContainerLimits,
  aggregateContainerRequests,
  isPodLevelResource,
  type ResourceList,
} from "#api/core/v1/pod-resources";
import type { LimitRangeItem, PersistentVolumeClaim, PodSpec } from "#api/core/v1/types.gen";

interface Asked {
  readonly requests: ResourceList;
  readonly limits: ResourceList;
}

const NOTHING: ResourceList = {};
const RATIO_DIGITS = 6;

/** What a pod breaks of one range, in the order of its items. */
export function podViolations(items: readonly LimitRangeItem[], spec: PodSpec): readonly string[] {
  return items.flatMap((item) => {
    if (item.type === "Pod") return violations(item, podAsks(spec));
    if (item.type !== "Container") return [];
    return [...spec.containers, ...(spec.initContainers ?? [])].flatMap(({ resources }) =>
      violations(item, { requests: resources?.requests ?? NOTHING, limits: resources?.limits ?? NOTHING }),
    );
  });
}

/** Claims have requests alone: their limits mean nothing. */
export function claimViolations(
  items: readonly LimitRangeItem[],
  { spec }: PersistentVolumeClaim,
): readonly string[] {
  const requests = spec?.resources?.requests ?? NOTHING;
  return items
    .filter(({ type }) => type === "PersistentVolumeClaim")
    .flatMap((item) => [
      ...each(item.min, (name, bound) => minimum(item.type, name, bound, { requests, limits: NOTHING })),
      ...each(item.max, (name, bound) => maximumRequest(item.type, name, bound, requests)),
    ]);
}

/** Several reasons in one line, each once. */
export function aggregate(reasons: readonly string[]): string {
  const once = [...new Set(reasons)];
  return once.length === 1 ? once[0]! : `[${once.join(", ")}]`;
}

/** Without overhead: that is the runtime's, not the user's. */
function podAsks(spec: PodSpec): Asked {
  return {
    requests: { ...aggregateContainerRequests(spec), ...podLevel(spec.resources?.requests) },
    limits: { ...aggregateContainerLimits(spec), ...podLevel(spec.resources?.limits) },
  };
}

function podLevel(list: ResourceList = NOTHING): ResourceList {
  return Object.fromEntries(Object.entries(list).filter(([name]) => isPodLevelResource(name)));
}

function violations(item: LimitRangeItem, asked: Asked): readonly string[] {
  return [
    ...each(item.min, (name, bound) => minimum(item.type, name, bound, asked)),
    ...each(item.max, (name, bound) => maximum(item.type, name, bound, asked)),
    ...each(item.maxLimitRequestRatio, (name, bound) => ratio(item.type, name, bound, asked)),
  ];
}

function each(
  bounds: ResourceList | undefined,
  check: (name: string, bound: string) => string | undefined,
): readonly string[] {
  const entries = Object.entries(bounds ?? NOTHING).toSorted(([a], [b]) => compareStrings(a, b));
  return entries.flatMap(([name, bound]) => check(name, bound) ?? []);
}

function minimum(type: string, name: string, bound: string, asked: Asked): string | undefined {
  const [request, limit] = [asked.requests[name], asked.limits[name]];
  const rule = `minimum ${name} usage per ${type} is ${canonicalQuantity(bound)}`;
  if (request === undefined) return `${rule}.  No request is specified`;
  if (compareAmounts(request, bound) < 0) return `${rule}, but request is ${canonicalQuantity(request)}`;
  if (limit !== undefined && compareAmounts(limit, bound) < 0) {
    return `${rule}, but limit is ${canonicalQuantity(limit)}`;
  }
  return undefined;
}

function maximum(type: string, name: string, bound: string, asked: Asked): string | undefined {
  const [request, limit] = [asked.requests[name], asked.limits[name]];
  const rule = `maximum ${name} usage per ${type} is ${canonicalQuantity(bound)}`;
  if (limit === undefined) return `${rule}.  No limit is specified`;
  if (compareAmounts(limit, bound) > 0) return `${rule}, but limit is ${canonicalQuantity(limit)}`;
  if (request !== undefined && compareAmounts(request, bound) > 0) {
    return `${rule}, but request is ${canonicalQuantity(request)}`;
  }
  return undefined;
}

function maximumRequest(
  type: string,
  name: string,
  bound: string,
  requests: ResourceList,
): string | undefined {
  const request = requests[name];
  const rule = `maximum ${name} usage per ${type} is ${canonicalQuantity(bound)}`;
  if (request === undefined) return `${rule}.  No request is specified`;
  return compareAmounts(request, bound) > 0
    ? `${rule}, but request is ${canonicalQuantity(request)}`
    : undefined;
}

function ratio(type: string, name: string, bound: string, asked: Asked): string | undefined {
  const request = toNumber(asked.requests[name]);
  const limit = toNumber(asked.limits[name]);
  const rule = `${name} max limit to request ratio per ${type} is ${canonicalQuantity(bound)}`;
  if (request === 0) return `${rule}, but no request is specified or request is 0`;
  if (limit === 0) return `${rule}, but no limit is specified or limit is 0`;
  const observed = limit / request;
  if (observed <= toNumber(bound)) return undefined;
  return `${rule}, but provided ratio is ${observed.toFixed(RATIO_DIGITS)}`;
}

function toNumber(quantity = "0"): number {
  return quantityToNumber(parseQuantity(quantity));
}
