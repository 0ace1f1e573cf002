/** Extended resources that DeviceClasses stand for (KEP-5004). @module */
import { isExtendedResource } from "../../validation/resources.ts";
import type { DeviceClass } from "./types.gen.ts";

/** Every class is an extended resource by this and its name. */
export const DEVICE_CLASS_PREFIX = "deviceclass.resource.kubernetes.io/";
/** An annotation: `"true"` on the claim that stands for the extended resources of a pod. */
export const EXTENDED_RESOURCE_CLAIM = "resource.kubernetes.io/extended-resource-claim";

/** Whether the name may be one of devices: of a device plugin, or of a class. */
export function isDeviceResource(name: string): boolean {
  return isExtendedResource(name) || name.startsWith(DEVICE_CLASS_PREFIX);
}

/** The class whose devices a resource stands for; undefined: none. */
export type ClassOfResource = (resource: string) => DeviceClass | undefined;

/**
 * By the names of their resources. Of classes with the same one the newest counts, of equally old ones the first by name,
 * so that a class can take over from another.
 */
export function classesByResource(classes: readonly DeviceClass[]): ReadonlyMap<string, DeviceClass> {
  const found = new Map<string, DeviceClass>();
  for (const deviceClass of classes) {
    const { metadata, spec } = deviceClass;
    found.set(`${DEVICE_CLASS_PREFIX}${metadata.name}`, deviceClass);
    const resource = spec.extendedResourceName;
    if (resource === undefined) continue;
    const other = found.get(resource);
    if (other === undefined || isPreferred(deviceClass, other)) found.set(resource, deviceClass);
  }
  return found;
}

function isPreferred({ metadata: a }: DeviceClass, { metadata: b }: DeviceClass): boolean {
  const [createdA, createdB] = [a.creationTimestamp ?? "", b.creationTimestamp ?? ""];
  return createdA === createdB ? a.name < b.name : createdA > createdB;
}
