/** What of a node's capacity its pods do not get. Pure. @module */
import { formatQuantity, newQuantity } from "#apimachinery";
import { addResources } from "#api/core/v1/pod-resources";
import { amountOfThreshold, parseThresholds, type Signal } from "../eviction/thresholds.ts";
import type { KubeletOptions } from "../options.ts";
import type { MachineInfo } from "../platform/platform.ts";
import { evictionConfigOf } from "../resource-parts.ts";

type ResourceList = Readonly<Record<string, string>>;

/** What the kernel keeps from them: the parts of the system and of Kubernetes itself. */
export function enforcedOf({
  systemReserved = {},
  kubeReserved = {},
}: Pick<KubeletOptions, "systemReserved" | "kubeReserved">): ResourceList {
  return addResources(systemReserved, kubeReserved);
}

/** That, and what is kept free by hard eviction thresholds. */
export function reservedOf(options: KubeletOptions, machine: MachineInfo): ResourceList {
  const thresholds = parseThresholds(evictionConfigOf(options));
  const kept = (signal: Signal, capacity: number): number => {
    const hard = thresholds.find((one) => one.signal === signal && one.gracePeriodMs === 0);
    return hard === undefined ? 0 : amountOfThreshold(hard.value, capacity);
  };
  const amounts = {
    memory: kept("memory.available", machine.memoryBytes),
    "ephemeral-storage": kept("nodefs.available", machine.ephemeralStorageBytes),
  };
  const free = Object.entries(amounts)
    .filter(([, bytes]) => bytes > 0)
    .map(([name, bytes]) => [name, formatQuantity(newQuantity(bytes, "BinarySI"))]);
  return addResources(enforcedOf(options), Object.fromEntries(free) as ResourceList);
}
