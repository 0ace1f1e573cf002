/** The default plugins in upstream's order and with its weights. @module */
import type { WeightedPlugin } from "../framework/framework.ts";
import { nodeName, nodePorts, nodeUnschedulable, schedulingGates, taintToleration } from "./basic.ts";
import { defaultBinder } from "./default-binder.ts";
import { imageLocality } from "./image-locality.ts";
import { interPodAffinity, type NamespaceLabels } from "./inter-pod-affinity.ts";
import { nodeAffinity } from "./node-affinity.ts";
import { nodeResourcesBalancedAllocation, nodeResourcesFit } from "./node-resources.ts";
import { podTopologySpread } from "./pod-topology-spread.ts";
import { nodeVolumeLimits } from "./volumes/node-volume-limits.ts";
import { volumeBinding, type VolumeBindingParts } from "./volumes/volume-binding.ts";
import { volumeRestrictions } from "./volumes/volume-restrictions.ts";
import { volumeZone } from "./volumes/volume-zone.ts";

export interface PluginParts extends VolumeBindingParts {
  readonly namespaceLabels: NamespaceLabels;
}

export function defaultPlugins(parts: PluginParts): readonly WeightedPlugin[] {
  const { client, listers, namespaceLabels } = parts;
  return [
    { plugin: schedulingGates, weight: 0 },
    { plugin: nodeUnschedulable, weight: 0 },
    { plugin: nodeName, weight: 0 },
    { plugin: taintToleration, weight: 3 },
    { plugin: nodeAffinity, weight: 2 },
    { plugin: nodePorts, weight: 0 },
    { plugin: nodeResourcesFit, weight: 1 },
    { plugin: volumeRestrictions(listers), weight: 0 },
    { plugin: nodeVolumeLimits(listers), weight: 0 },
    { plugin: volumeBinding(parts), weight: 0 },
    { plugin: volumeZone(listers), weight: 0 },
    { plugin: podTopologySpread, weight: 2 },
    { plugin: interPodAffinity(namespaceLabels), weight: 2 },
    { plugin: nodeResourcesBalancedAllocation, weight: 1 },
    { plugin: imageLocality, weight: 1 },
    { plugin: defaultBinder(client), weight: 0 },
  ];
}
