/** The plugins in the order in which they are asked; upstream's `AllOrderedPlugins`. @module */
import type { Clock } from "#apimachinery";
import { defaultTolerationSeconds } from "./default-toleration-seconds.ts";
import { namespaceLifecycle } from "./namespace-lifecycle.ts";
import { taintNodesByCondition } from "./node-taints.ts";
import type { ObjectLookup } from "./object-lookup.ts";
import type { AdmissionPlugin } from "./plugin.ts";
import { priorityAdmission } from "./priority.ts";
import { runtimeClassAdmission } from "./runtime-class.ts";
import { serviceAccountAdmission } from "./service-account.ts";
import { defaultStorageClass, persistentVolumeClaimResize, storageObjectInUseProtection } from "./storage.ts";

export interface DefaultPluginsOptions {
  readonly lookup: ObjectLookup;
  readonly clock: Clock;
  readonly random: () => number;
  /** Names of plugins that are left out. */
  readonly disabled: readonly string[];
}

export function defaultPlugins({
  lookup,
  clock,
  random,
  disabled,
}: DefaultPluginsOptions): readonly AdmissionPlugin[] {
  const all = [
    namespaceLifecycle(lookup),
    serviceAccountAdmission({ lookup, clock, random }),
    taintNodesByCondition,
    priorityAdmission(lookup),
    defaultTolerationSeconds,
    runtimeClassAdmission(lookup),
    defaultStorageClass(lookup),
    storageObjectInUseProtection,
    persistentVolumeClaimResize(lookup),
  ];
  return all.filter((plugin) => !disabled.includes(plugin.name));
}
