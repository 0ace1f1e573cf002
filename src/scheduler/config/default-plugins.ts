/** The plugins of a profile that says nothing, and what a profile changes about them. Upstream's `mergePlugins`. @module */
import { EXTENSION_POINTS } from "../framework/points.ts";
import type { PluginRef, Plugins, PluginSet } from "./types.ts";

/** In upstream's order and with its weights. */
const MULTI_POINT: readonly PluginRef[] = [
  { name: "SchedulingGates" },
  { name: "PrioritySort" },
  { name: "NodeUnschedulable" },
  { name: "NodeName" },
  { name: "TaintToleration", weight: 3 },
  { name: "NodeAffinity", weight: 2 },
  { name: "NodePorts" },
  { name: "NodeResourcesFit", weight: 1 },
  { name: "VolumeRestrictions" },
  { name: "NodeVolumeLimits" },
  { name: "VolumeBinding" },
  { name: "VolumeZone" },
  { name: "PodTopologySpread", weight: 2 },
  { name: "InterPodAffinity", weight: 2 },
  // before DefaultPreemption: giving back an idle claim is better than sending pods away
  { name: "DynamicResources", weight: 2 },
  { name: "DefaultPreemption" },
  { name: "NodeResourcesBalancedAllocation", weight: 1 },
  { name: "ImageLocality", weight: 1 },
  { name: "DefaultBinder" },
];

type CustomPlugins = Readonly<Partial<Record<string, Partial<PluginSet>>>>;

export function mergePlugins(custom: CustomPlugins = {}): Plugins {
  const entries = [...EXTENSION_POINTS, "multiPoint" as const].map((point) => {
    const defaults = point === "multiPoint" ? MULTI_POINT : [];
    return [point, mergePluginSet(defaults, custom[point])] as const;
  });
  return Object.fromEntries(entries) as unknown as Plugins;
}

/** A default plugin that is enabled again keeps its place and takes the new weight. */
function mergePluginSet(
  defaults: readonly PluginRef[],
  { enabled = [], disabled = [] }: Partial<PluginSet> = {},
): PluginSet {
  const off = new Set(disabled.map(({ name }) => name));
  const kept = off.has("*") ? [] : defaults.filter(({ name }) => !off.has(name));
  const replacing = new Set<PluginRef>();
  const merged = kept.map((ref) => {
    const again = enabled.findLast(({ name }) => name === ref.name);
    if (again !== undefined) replacing.add(again);
    return again ?? ref;
  });
  return {
    enabled: [...merged, ...enabled.filter((ref) => !replacing.has(ref))],
    disabled: disabled.map(({ name }) => ({ name })),
  };
}

/** Every plugin that the profile enables anywhere, in the order of their names. */
export function enabledNames(plugins: Plugins): readonly string[] {
  const names = Object.values(plugins).flatMap(({ enabled }) => enabled.map(({ name }) => name));
  return [...new Set(names)].toSorted();
}
