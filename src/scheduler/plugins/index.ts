/** Upstream's plugins, by the names that configuration files use. @module */
import { Pods } from "#api/core/v1/pod";
import { Namespaces } from "#api/core/v1/namespace";
import { PersistentVolumes } from "#api/core/v1/persistentvolume";
import { PersistentVolumeClaims } from "#api/core/v1/persistentvolumeclaim";
import { isDeviceResource } from "#api/resource/v1/extended-resource-classes";
import { PodDisruptionBudgets } from "#api/policy/v1/poddisruptionbudget";
import { CSIDrivers } from "#api/storage/v1/csidriver";
import { CSINodes } from "#api/storage/v1/csinode";
import { CSIStorageCapacities } from "#api/storage/v1/csistoragecapacity";
import { StorageClasses } from "#api/storage/v1/storageclass";
import type { InformerFactory } from "#client";
import type {
  DefaultPreemptionArgs,
  DynamicResourcesArgs,
  InterPodAffinityArgs,
  NodeAffinityArgs,
  NodeResourcesBalancedAllocationArgs,
  NodeResourcesFitArgs,
  PodTopologySpreadArgs,
  ResourceSpec,
  VolumeBindingArgs,
} from "../config/types.ts";
import type { PluginRegistry } from "../framework/handle.ts";
import { defaultPreemption } from "../preemption/default-preemption.ts";
import { nodeName, nodePorts, nodeUnschedulable, schedulingGates, taintToleration } from "./basic.ts";
import { defaultBinder } from "./default-binder.ts";
import { defaultSelector } from "./default-selector.ts";
import { deviceTotals } from "./dynamic-resources/device-totals.ts";
import { DeviceClassResolver } from "./dynamic-resources/device-class-resolver.ts";
import { DraManager } from "./dynamic-resources/dra-manager.ts";
import { DynamicResources } from "./dynamic-resources/dynamic-resources.ts";
import { imageLocality } from "./image-locality.ts";
import { interPodAffinity } from "./inter-pod-affinity.ts";
import { nodeAffinity } from "./node-affinity.ts";
import { nodeResourcesBalancedAllocation } from "./node-resources/balanced-allocation.ts";
import { nodeResourcesFit } from "./node-resources/fit.ts";
import { podTopologySpread } from "./pod-topology-spread.ts";
import { prioritySort } from "./priority-sort.ts";
import { AttachedVolumes } from "./volumes/attached-volumes.ts";
import { nodeVolumeLimits } from "./volumes/node-volume-limits.ts";
import type { VolumeListers } from "./volumes/pod-claims.ts";
import { volumeBinding } from "./volumes/volume-binding.ts";
import { VolumePromises } from "./volumes/volume-promises.ts";
import { volumeRestrictions } from "./volumes/volume-restrictions.ts";
import { volumeZone } from "./volumes/volume-zone.ts";

/** What plugins of several profiles promise, they promise each other: a registry of its own for every scheduler. */
export function newInTreeRegistry(): PluginRegistry {
  const promises = new VolumePromises();
  let attached: AttachedVolumes | undefined;
  let dra: DraManager | undefined;
  let resolver: DeviceClassResolver | undefined;
  const draOf = (informers: InformerFactory): DraManager =>
    (dra ??= new DraManager(informers, classesOf(informers)));
  /** Slices and claims are followed only for strategies that may need them. */
  const totalsFor = (resources: readonly ResourceSpec[], informers: InformerFactory) =>
    resources.some(({ name }) => isDeviceResource(name)) ? deviceTotals(draOf(informers)) : undefined;
  const classesOf = (informers: InformerFactory): DeviceClassResolver =>
    (resolver ??= new DeviceClassResolver(informers));
  return {
    SchedulingGates: () => schedulingGates,
    PrioritySort: () => prioritySort,
    NodeUnschedulable: () => nodeUnschedulable,
    NodeName: () => nodeName,
    TaintToleration: () => taintToleration,
    NodeAffinity: (args) => nodeAffinity(args as NodeAffinityArgs),
    NodePorts: () => nodePorts,
    NodeResourcesFit(args, { informers }) {
      const fit = args as NodeResourcesFitArgs;
      const totals = totalsFor(fit.scoringStrategy.resources, informers);
      return nodeResourcesFit(fit, classesOf(informers).byResource, totals);
    },
    VolumeRestrictions: (_, { informers }) => volumeRestrictions(volumeListers(informers)),
    NodeVolumeLimits: (_, { informers }) =>
      nodeVolumeLimits((attached ??= new AttachedVolumes(volumeListers(informers), informers))),
    VolumeBinding: (args, { client, clock, informers, metrics }) =>
      volumeBinding({
        client,
        clock,
        listers: volumeListers(informers),
        claimInformer: informers.informer(PersistentVolumeClaims),
        args: args as VolumeBindingArgs,
        promises,
        metrics,
      }),
    VolumeZone: (_, { informers }) => volumeZone(volumeListers(informers)),
    PodTopologySpread: (args, { informers }) =>
      podTopologySpread(args as PodTopologySpreadArgs, defaultSelector(informers)),
    InterPodAffinity(args, { informers }) {
      const namespaces = informers.lister(Namespaces);
      const labelsOf = (name: string) => namespaces.get(name)?.metadata.labels ?? {};
      return interPodAffinity(labelsOf, args as InterPodAffinityArgs);
    },
    DynamicResources: (args, handle) =>
      new DynamicResources(args as DynamicResourcesArgs, handle, draOf(handle.informers)),
    DefaultPreemption: (args, handle) =>
      defaultPreemption(
        args as DefaultPreemptionArgs,
        handle,
        handle.informers.lister(PodDisruptionBudgets),
        handle.informers.lister(Pods),
      ),
    NodeResourcesBalancedAllocation(args, { informers }) {
      const balanced = args as NodeResourcesBalancedAllocationArgs;
      return nodeResourcesBalancedAllocation(balanced, totalsFor(balanced.resources, informers));
    },
    ImageLocality: () => imageLocality,
    DefaultBinder: (_, { client }) => defaultBinder(client),
  };
}

function volumeListers(informers: InformerFactory): VolumeListers {
  return {
    claims: informers.lister(PersistentVolumeClaims),
    volumes: informers.lister(PersistentVolumes),
    classes: informers.lister(StorageClasses),
    csiNodes: informers.lister(CSINodes),
    csiDrivers: informers.lister(CSIDrivers),
    capacities: informers.lister(CSIStorageCapacities),
  };
}
