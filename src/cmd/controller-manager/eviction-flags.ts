/** The flags that say how fast nodes that are not ready are given up. @module */
import type { Command } from "commander";
import type { ControllerOptions } from "#controllers";
import { decimal, whole } from "../flag-values.ts";

export interface EvictionFlags {
  readonly nodeEvictionRate: number;
  readonly secondaryNodeEvictionRate: number;
  readonly largeClusterSizeThreshold: number;
  readonly unhealthyZoneThreshold: number;
}

export function addEvictionFlags(command: Command): void {
  command
    .option("--node-eviction-rate <nodes>", "nodes per second whose pods are driven away", decimal, 0.1)
    .option(
      "--secondary-node-eviction-rate <nodes>",
      "the same in a large zone that is partly broken; 0 in a small one",
      decimal,
      0.01,
    )
    .option("--large-cluster-size-threshold <nodes>", "a zone with more nodes is large", whole, 50)
    .option("--unhealthy-zone-threshold <part>", "so many nodes not ready make a zone broken", decimal, 0.55);
}

export function evictionRates(flags: EvictionFlags): NonNullable<ControllerOptions["evictionRates"]> {
  return {
    perSecond: flags.nodeEvictionRate,
    secondaryPerSecond: flags.secondaryNodeEvictionRate,
    largeClusterNodes: flags.largeClusterSizeThreshold,
    unhealthyZonePart: flags.unhealthyZoneThreshold,
  };
}
