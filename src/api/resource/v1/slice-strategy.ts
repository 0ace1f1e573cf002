/** How ResourceSlices are stored: without what belongs to features that are off, and taints with their time. @module */
import type { Device, DeviceAttribute, DeviceTaint, ResourceSlice } from "./types.gen.ts";

/** Unless the stored slice uses them already. */
export function withoutDisabledFields(slice: ResourceSlice, old?: ResourceSlice): ResourceSlice {
  const { devices } = slice.spec;
  if (devices === undefined || !devices.some(usesDisabled)) return slice;
  if (old?.spec.devices?.some(usesDisabled) === true) return slice;
  return { ...slice, spec: { ...slice.spec, devices: devices.map(withoutDisabled) } };
}

function withoutDisabled(device: Device): Device {
  const { nodeAllocatableResourceMappings: _, ...rest } = device;
  return rest.attributes === undefined ? rest : { ...rest, attributes: withoutLists(rest.attributes) };
}

function withoutLists(
  attributes: Readonly<Record<string, DeviceAttribute>>,
): Readonly<Record<string, DeviceAttribute>> {
  return Object.fromEntries(
    Object.entries(attributes).map(([name, attribute]) => {
      const { ints: _ints, bools: _bools, strings: _strings, versions: _versions, ...rest } = attribute;
      return [name, rest];
    }),
  );
}

function usesDisabled(device: Device): boolean {
  if (Object.keys(device.nodeAllocatableResourceMappings ?? {}).length > 0) return true;
  return Object.values(device.attributes ?? {}).some(
    ({ ints, bools, strings, versions }) => (ints ?? bools ?? strings ?? versions) !== undefined,
  );
}

const isTimeless = (taint: DeviceTaint): boolean => taint.timeAdded === undefined;

/** A taint of a new slice is as old as the slice; one that an update repeats is as old as it was. */
export function withTaintTimes(slice: ResourceSlice, old?: ResourceSlice): ResourceSlice {
  const { devices } = slice.spec;
  if (devices?.some(({ taints }) => taints?.some(isTimeless)) !== true) return slice;
  const before = new Map(old?.spec.devices?.map((device) => [device.name, device.taints ?? []]));
  return {
    ...slice,
    spec: {
      ...slice.spec,
      devices: devices.map((device) =>
        device.taints?.some(isTimeless) === true
          ? { ...device, taints: device.taints.map((taint) => timed(taint, before.get(device.name))) }
          : device,
      ),
    },
  };

  function timed(taint: DeviceTaint, known: readonly DeviceTaint[] = []): DeviceTaint {
    if (!isTimeless(taint)) return taint;
    const same = known.find(
      ({ key, value, effect }) => key === taint.key && value === taint.value && effect === taint.effect,
    );
    const timeAdded = old === undefined ? slice.metadata.creationTimestamp : same?.timeAdded;
    return timeAdded === undefined ? taint : { ...taint, timeAdded };
  }
}

export function sliceWarnings({ spec: { driver } }: ResourceSlice): readonly string[] {
  if (driver === driver.toLowerCase()) return [];
  const shown = JSON.stringify(driver);
  return [`spec.driver: driver names should be lowercase; ${shown} contains uppercase characters`];
}
