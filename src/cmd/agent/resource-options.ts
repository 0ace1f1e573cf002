/** What the flags about the node's resources mean to the kubelet; apart from them, because every command has them and must not load a kubelet. @module */
import { parseThresholds, type EvictionConfig, type KubeletOptions } from "#kubelet";
import type { ResourceFlags } from "./resource-flags.ts";

/** What was not given is left to kubelet's defaults. Throws when thresholds mean nothing or contradict each other. */
export function resourceOptions(
  flags: ResourceFlags,
): Pick<KubeletOptions, "eviction" | "imageGC" | "podPidsLimit" | "systemReserved" | "kubeReserved"> {
  const eviction: EvictionConfig = given({
    hard: flags.evictionHard,
    soft: flags.evictionSoft,
    softGracePeriodMs: flags.evictionSoftGracePeriod,
    minimumReclaim: flags.evictionMinimumReclaim,
    pressureTransitionPeriodMs: flags.evictionPressureTransitionPeriod,
    maxPodGracePeriodSeconds: flags.evictionMaxPodGracePeriod,
  });
  parseThresholds(eviction);
  return given({
    eviction,
    imageGC: given({
      highThresholdPercent: flags.imageGcHighThreshold,
      lowThresholdPercent: flags.imageGcLowThreshold,
      minimumAgeMs: flags.minimumImageTtlDuration,
      maximumAgeMs: flags.maximumImageAge,
    }),
    podPidsLimit: flags.podMaxPids,
    systemReserved: flags.systemReserved,
    kubeReserved: flags.kubeReserved,
  });
}

type Given<T> = { readonly [K in keyof T]?: Exclude<T[K], undefined> };

function given<T extends object>(values: T): Given<T> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Given<T>;
}
