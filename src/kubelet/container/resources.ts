/** Requests and limits of containers and pods, and what they mean to the kernel. Pure. @module */
import { parseQuantity, quantityMilliValue, quantityValue } from "#apimachinery";
import type { Container, Pod, ResourceRequirements } from "#api/core/v1/types.gen";
import type { LinuxContainerResources } from "#cri";
import type { CgroupResources } from "../platform/platform.ts";
import { hugepageLimits, hugepagesIn, isHugepages } from "./hugepages.ts";
import {
  containersOf,
  hasCriticalPriority,
  initContainersOf,
  isRestartableInit,
  specOf,
} from "./pod-spec.ts";
import { qosClassOf } from "./qos.ts";

type ResourceList = Readonly<Record<string, string>>;

const SHARES_PER_CPU = 1024;
const SHARES_MIN = 2;
const SHARES_MAX = 262_144;
const QUOTA_PERIOD_US = 100_000;
const QUOTA_MIN_US = 1000;
const GUARANTEED_OOM_SCORE_ADJ = -997;

/** The amount of `name` in thousandths for cpu, in units for everything else; undefined when it is not given. */
export function amountOf(list: ResourceList | undefined, name: string): number | undefined {
  const text = list?.[name];
  if (text === undefined) return undefined;
  const quantity = parseQuantity(text);
  return name === "cpu" ? quantityMilliValue(quantity) : quantityValue(quantity);
}

export function milliCPUToShares(milliCPU: number): number {
  if (milliCPU === 0) return SHARES_MIN;
  return Math.min(Math.max(Math.floor((milliCPU * SHARES_PER_CPU) / 1000), SHARES_MIN), SHARES_MAX);
}

/** What so many shares stand for, as upstream tells it. */
export function sharesToMilliCPU(shares: number): number {
  return Math.ceil((shares * 1000) / SHARES_PER_CPU);
}

export function quotaToMilliCPU(quotaUs: number, periodUs: number): number {
  return periodUs === 0 ? 0 : Math.floor((quotaUs * 1000) / periodUs);
}

export function milliCPUToQuota(milliCPU: number, periodUs: number = QUOTA_PERIOD_US): number {
  return milliCPU === 0 ? 0 : Math.max(Math.floor((milliCPU * periodUs) / 1000), QUOTA_MIN_US);
}

/** CPU in thousandths, memory in bytes; undefined: not given. */
export interface ContainerAmounts {
  readonly cpuRequest?: number | undefined;
  readonly cpuLimit?: number | undefined;
  readonly memoryRequest?: number | undefined;
  readonly memoryLimit?: number | undefined;
}

/** What is set for the container; limits that it has not are those of the pod as a whole (KEP-2837). */
export function amountsOf(
  { resources }: Pick<Container, "resources">,
  podLevel: ResourceRequirements | undefined,
): ContainerAmounts {
  const { requests, limits } = resources ?? {};
  return {
    cpuRequest: amountOf(requests, "cpu"),
    cpuLimit: amountOf(limits, "cpu") ?? amountOf(podLevel?.limits, "cpu"),
    memoryRequest: amountOf(requests, "memory"),
    memoryLimit: amountOf(limits, "memory") ?? amountOf(podLevel?.limits, "memory"),
  };
}

/** How the node bounds what runs on it. */
export interface ResourcePolicy {
  readonly memoryCapacityBytes: number;
  /** Limits of CPU are enforced. Default true. */
  readonly cpuCFSQuota?: boolean;
  /** Default 100,000. */
  readonly cpuQuotaPeriodUs?: number;
  /** Sizes of huge pages that the machine has, such as `2Mi`. Default none. */
  readonly hugepageSizes?: readonly string[];
}

export function containerResources(
  container: Container,
  pod: Pod,
  policy: ResourcePolicy,
): LinuxContainerResources {
  const { cpuCFSQuota = true, cpuQuotaPeriodUs = QUOTA_PERIOD_US, hugepageSizes = [] } = policy;
  const { limits } = container.resources ?? {};
  const podLevel = specOf(pod).resources;
  const { cpuLimit, cpuRequest = cpuLimit ?? 0, memoryLimit = 0 } = amountsOf(container, podLevel);
  const pages = { ...hugepagesIn(podLevel?.limits), ...hugepagesIn(limits) };
  const pageLimits = Object.entries(hugepageLimits(pages, hugepageSizes));
  return {
    cpuShares: milliCPUToShares(cpuRequest),
    cpuPeriod: cpuQuotaPeriodUs,
    ...(cpuLimit !== undefined && cpuCFSQuota && { cpuQuota: milliCPUToQuota(cpuLimit, cpuQuotaPeriodUs) }),
    ...(memoryLimit > 0 && { memoryLimitInBytes: memoryLimit, memorySwapLimitInBytes: memoryLimit }),
    ...(pageLimits.length > 0 && {
      hugepageLimits: pageLimits.map(([pageSize, limit]) => ({ pageSize, limit })),
    }),
    oomScoreAdj: oomScoreAdj(container, pod, policy.memoryCapacityBytes),
  };
}

/** The likelihood of being chosen by the OOM killer, as upstream's qos policy. */
function oomScoreAdj(container: Container, pod: Pod, memoryCapacityBytes: number): number {
  if (hasCriticalPriority(pod)) return GUARANTEED_OOM_SCORE_ADJ;
  const qos = qosClassOf(pod);
  if (qos === "Guaranteed") return GUARANTEED_OOM_SCORE_ADJ;
  if (qos === "BestEffort") return 1000;
  const request = amountOf(container.resources?.requests, "memory") ?? 0;
  const adj = Math.floor(1000 - (1000 * request) / memoryCapacityBytes);
  if (adj < 1000 + GUARANTEED_OOM_SCORE_ADJ) return 1000 + GUARANTEED_OOM_SCORE_ADJ;
  return Math.min(adj, 999);
}

/** What a pod reserves: its containers' sum or its largest init container, plus overhead. */
export function podRequests(pod: Pod, resource: string): number {
  const podLevel = amountOf(specOf(pod).resources?.requests, resource);
  const overhead = amountOf(specOf(pod).overhead, resource) ?? 0;
  const request = (c: Container): number =>
    amountOf(c.resources?.requests, resource) ?? amountOf(c.resources?.limits, resource) ?? 0;
  return (podLevel ?? combine(pod, request)) + overhead;
}

/** The pod's limit, if every container has one. */
function podLimit(pod: Pod, resource: string): number | undefined {
  const podLevel = amountOf(specOf(pod).resources?.limits, resource);
  const overhead = amountOf(specOf(pod).overhead, resource) ?? 0;
  if (podLevel !== undefined) return podLevel + overhead;
  const limited = containersOf(pod).every((c) => (amountOf(c.resources?.limits, resource) ?? 0) > 0);
  if (!limited) return undefined;
  return combine(pod, (c) => amountOf(c.resources?.limits, resource) ?? 0) + overhead;
}

/** Sidecars add to everything that runs after them. */
function combine(pod: Pod, value: (container: Container) => number): number {
  let sidecars = 0;
  let largestInit = 0;
  for (const container of initContainersOf(pod)) {
    if (isRestartableInit(container)) {
      sidecars += value(container);
      largestInit = Math.max(largestInit, sidecars);
    } else largestInit = Math.max(largestInit, sidecars + value(container));
  }
  const regular = containersOf(pod).reduce((sum, container) => sum + value(container), sidecars);
  return Math.max(regular, largestInit);
}

/** Without `cpuCFSQuota`, CPU is not bounded whatever the limits. */
export function podCgroupResources(
  pod: Pod,
  {
    cpuCFSQuota = true,
    cpuQuotaPeriodUs = QUOTA_PERIOD_US,
    hugepageSizes = [],
  }: Partial<ResourcePolicy> = {},
): CgroupResources {
  const cpuLimit = podLimit(pod, "cpu");
  const memoryLimit = podLimit(pod, "memory");
  return {
    cpuShares: milliCPUToShares(podRequests(pod, "cpu")),
    ...(cpuLimit !== undefined && {
      cpuQuotaUs: cpuCFSQuota ? milliCPUToQuota(cpuLimit, cpuQuotaPeriodUs) : -1,
      cpuPeriodUs: cpuQuotaPeriodUs,
    }),
    ...(memoryLimit !== undefined && { memoryLimitBytes: memoryLimit }),
    ...hugepageLimitsOf(pod, hugepageSizes),
  };
}

/** Huge pages have equal requests and limits, so that what is requested is the bound. */
function hugepageLimitsOf(
  pod: Pod,
  sizes: readonly string[],
): { readonly hugepageLimits?: Readonly<Record<string, number>> } {
  const lists = [specOf(pod), ...containersOf(pod), ...initContainersOf(pod)].map(
    ({ resources }) => resources?.requests ?? resources?.limits ?? {},
  );
  const names = new Set(lists.flatMap(Object.keys).filter(isHugepages));
  if (names.size === 0 && sizes.length === 0) return {};
  const amounts = Object.fromEntries([...names].map((name) => [name, podRequests(pod, name)]));
  return { hugepageLimits: hugepageLimits(amounts, sizes) };
}
