/** Which cgroups bound what: all pods together, the system, and Kubernetes itself. Pure; names and words are upstream's. @module */
import { hugepageLimits, hugepagesIn } from "../container/hugepages.ts";
import { amountOf, milliCPUToShares } from "../container/resources.ts";
import type { CgroupResources } from "../platform/platform.ts";
import { allocatableOf } from "./build-node.ts";
import { enforcedOf } from "./reserved.ts";

type ResourceList = Readonly<Record<string, string>>;

export const ENFORCEMENTS = [
  "pods",
  "system-reserved",
  "system-reserved-compressible",
  "kube-reserved",
  "kube-reserved-compressible",
  "none",
] as const;

export type Enforcement = (typeof ENFORCEMENTS)[number];

export interface EnforcementConfig {
  /** Default: pods. */
  readonly enforceNodeAllocatable?: readonly Enforcement[];
  readonly systemReserved?: ResourceList;
  readonly kubeReserved?: ResourceList;
  /** Absolute names of cgroups, which must exist; needed when they are enforced. */
  readonly systemReservedCgroup?: string;
  readonly kubeReservedCgroup?: string;
}

/** A cgroup of somebody else that is bounded. */
export interface ReservedCgroup {
  /** As messages say it. */
  readonly what:
    | "System Reserved"
    | "Kube Reserved"
    | "System Reserved Compressible"
    | "Kube Reserved Compressible";
  readonly event: "system reserved" | "kube reserved";
  readonly path: string;
  readonly resources: CgroupResources;
}

/** Of all pods together: what is reserved is kept from them, unless nobody wants that enforced. */
export function podsCgroup(
  capacity: ResourceList,
  config: EnforcementConfig,
  hugepageSizes: readonly string[],
): CgroupResources {
  const { enforceNodeAllocatable = ["pods"] } = config;
  const list = enforceNodeAllocatable.includes("pods")
    ? allocatableOf(capacity, enforcedOf(config))
    : capacity;
  return resourcesOf(list, hugepageSizes);
}

/** In upstream's order. */
export function reservedCgroups(
  config: EnforcementConfig,
  hugepageSizes: readonly string[],
): readonly ReservedCgroup[] {
  const { enforceNodeAllocatable = ["pods"], systemReserved = {}, kubeReserved = {} } = config;
  const system = { path: config.systemReservedCgroup ?? "", event: "system reserved" } as const;
  const kube = { path: config.kubeReservedCgroup ?? "", event: "kube reserved" } as const;
  const all: Readonly<Partial<Record<Enforcement, () => ReservedCgroup>>> = {
    "system-reserved": () => ({
      ...system,
      what: "System Reserved",
      resources: resourcesOf(systemReserved, hugepageSizes),
    }),
    "kube-reserved": () => ({
      ...kube,
      what: "Kube Reserved",
      resources: resourcesOf(kubeReserved, hugepageSizes),
    }),
    "system-reserved-compressible": () => ({
      ...system,
      what: "System Reserved Compressible",
      resources: compressible(systemReserved),
    }),
    "kube-reserved-compressible": () => ({
      ...kube,
      what: "Kube Reserved Compressible",
      resources: compressible(kubeReserved),
    }),
  };
  return (Object.keys(all) as Enforcement[])
    .filter((name) => enforceNodeAllocatable.includes(name))
    .map((name) => all[name]!());
}

function resourcesOf(list: ResourceList, hugepageSizes: readonly string[]): CgroupResources {
  const memoryLimitBytes = amountOf(list, "memory");
  const pidsMax = amountOf(list, "pid");
  const limits = hugepageLimits(hugepagesIn(list), hugepageSizes);
  return {
    ...compressible(list),
    ...(memoryLimitBytes !== undefined && { memoryLimitBytes }),
    ...(pidsMax !== undefined && { pidsMax }),
    ...(Object.keys(limits).length > 0 && { hugepageLimits: limits }),
  };
}

/** What is shared rather than given away. */
function compressible(list: ResourceList): CgroupResources {
  const milliCPU = amountOf(list, "cpu");
  return milliCPU === undefined ? {} : { cpuShares: milliCPUToShares(milliCPU) };
}
