/** Flags of the kubelet about the node's resources, by upstream's names. @module */
import { type Command, InvalidArgumentError } from "commander";
import { isQuantity } from "#apimachinery";
import type { SignalMap } from "#kubelet";
import { durationMs, whole } from "../flag-values.ts";

export interface ResourceFlags {
  readonly cgroupRoot?: string;
  readonly evictionHard?: SignalMap;
  readonly evictionSoft?: SignalMap;
  readonly evictionSoftGracePeriod?: Readonly<Record<string, number>>;
  readonly evictionMinimumReclaim?: SignalMap;
  readonly evictionPressureTransitionPeriod?: number;
  readonly evictionMaxPodGracePeriod?: number;
  readonly imageGcHighThreshold?: number;
  readonly imageGcLowThreshold?: number;
  readonly minimumImageTtlDuration?: number;
  readonly maximumImageAge?: number;
  readonly podMaxPids?: number;
  readonly systemReserved?: Readonly<Record<string, string>>;
  readonly kubeReserved?: Readonly<Record<string, string>>;
}

export function addResourceFlags(command: Command): void {
  command
    .option("--cgroup-root <path>", "parent of the pods' cgroups", "/")
    .option("--eviction-hard <signals>", "when pods are evicted: memory.available<100Mi,…", pairs("<"))
    .option("--eviction-soft <signals>", "when pods are evicted after a while", pairs("<"))
    .option(
      "--eviction-soft-grace-period <signals>",
      "after which while: memory.available=1m30s",
      gracePeriods,
    )
    .option("--eviction-minimum-reclaim <signals>", "how much more is to be freed", pairs("="))
    .option("--eviction-pressure-transition-period <duration>", "how long pressure is told on", durationMs)
    .option("--eviction-max-pod-grace-period <seconds>", "the most that a pod gets to end (soft)", whole)
    .option("--image-gc-high-threshold <percent>", "use of the disk from which images are removed", whole)
    .option("--image-gc-low-threshold <percent>", "use of the disk down to which", whole)
    .option("--minimum-image-ttl-duration <duration>", "age before which an image is kept", durationMs)
    .option(
      "--maximum-image-age <duration>",
      "how long an image may be unused; default: for ever",
      durationMs,
    )
    .option("--pod-max-pids <count>", "processes that a pod may have", whole)
    .option("--system-reserved <amounts>", "kept from pods: cpu=200m,memory=500Mi", amounts)
    .option("--kube-reserved <amounts>", "kept from pods too", amounts);
}

/** `a<1,b<2`. */
function pairs(operator: "<" | "="): (text: string) => Readonly<Record<string, string>> {
  return (text) => {
    const entries = text.split(",").filter((entry) => entry !== "");
    return Object.fromEntries(
      entries.map((entry) => {
        const at = entry.indexOf(operator);
        if (at < 1) throw new InvalidArgumentError(`${JSON.stringify(entry)} needs a ${operator}`);
        return [entry.slice(0, at).trim(), entry.slice(at + 1).trim()];
      }),
    );
  };
}

function gracePeriods(text: string): Readonly<Record<string, number>> {
  return Object.fromEntries(
    Object.entries(pairs("=")(text)).map(([name, value]) => [name, durationMs(value)]),
  );
}

function amounts(text: string): Readonly<Record<string, string>> {
  const map = pairs("=")(text);
  for (const [name, value] of Object.entries(map))
    if (!isQuantity(value)) throw new InvalidArgumentError(`${name} needs a quantity like 500Mi`);
  return map;
}
