/** Rules for ResourceSlices: the pool, where its devices are, and the devices. @module */
import { field, isDns1123Subdomain } from "#apimachinery";
import { all, immutable, NONE, obeys, type Causes } from "../../validation/common.ts";
import { validateNodeSelector } from "../../validation/node-selector.ts";
import { validateSet } from "./bounded-lists.ts";
import { validateDriverName, validatePoolName } from "./device-names.ts";
import { validateCounters, validateDevice } from "./device-validation.ts";
import type { ResourcePool, ResourceSlice, ResourceSliceSpec } from "./types.gen.ts";

const DEVICES_MAX = 128;
/** With taints or counters. */
const COMPLEX_DEVICES_MAX = 64;
const COUNTER_SETS_MAX = 8;

export function validateResourceSlice({ spec }: ResourceSlice, old?: ResourceSlice): Causes {
  const { devices = [], sharedCounters } = spec;
  const isComplex = devices.some(
    (device) => (device.taints?.length ?? 0) > 0 || (device.consumesCounters?.length ?? 0) > 0,
  );
  const before = new Map(old?.spec.devices?.map((device) => [device.name, device]));
  return all(
    validateDriverName(spec.driver, "spec.driver"),
    validatePool(spec.pool),
    old === undefined ? NONE : validateSame(spec, old.spec),
    validatePlace(spec),
    sharedCounters !== undefined && spec.devices !== undefined
      ? [field.invalid("spec", "", "only one of `sharedCounters` or `devices` is allowed")]
      : NONE,
    validateSet(
      devices,
      isComplex ? COMPLEX_DEVICES_MAX : DEVICES_MAX,
      (device, at) =>
        validateDevice(device, before.get(device.name), spec.perDeviceNodeSelection === true, at),
      ({ name }) => name,
      "spec.devices",
    ),
    validateSet(
      sharedCounters,
      COUNTER_SETS_MAX,
      ({ name, counters }, at) => validateCounters("name", name, counters, at),
      ({ name }) => name,
      "spec.sharedCounters",
    ),
  );
}

function validatePool({ name, generation, resourceSliceCount: count }: ResourcePool): Causes {
  return all(
    validatePoolName(name, "spec.pool.name"),
    count > 0 ? NONE : [field.invalid("spec.pool.resourceSliceCount", count, "must be greater than zero")],
    generation < 0
      ? [field.invalid("spec.pool.generation", generation, "must be greater than or equal to zero")]
      : NONE,
  );
}

function validateSame(spec: ResourceSliceSpec, old: ResourceSliceSpec): Causes {
  return all(
    immutable(spec.pool.name, old.pool.name, "spec.pool.name"),
    immutable(spec.driver, old.driver, "spec.driver"),
    immutable(spec.nodeName, old.nodeName, "spec.nodeName"),
  );
}

function validatePlace(spec: ResourceSliceSpec): Causes {
  const { nodeName, nodeSelector, allNodes, perDeviceNodeSelection } = spec;
  const message =
    "exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required";
  const set = [
    ...(nodeName ? ["`nodeName`"] : []),
    ...(nodeSelector === undefined ? [] : ["`nodeSelector`"]),
    ...(allNodes === true ? ["`allNodes`"] : []),
    ...(perDeviceNodeSelection === true ? ["`perDeviceNodeSelection`"] : []),
  ];
  return all(
    nodeName === undefined
      ? NONE
      : nodeName === ""
        ? [field.invalid("spec.nodeName", nodeName, "must be either unset or set to a non-empty string")]
        : obeys(isDns1123Subdomain, nodeName, "spec.nodeName"),
    nodeSelector === undefined ? NONE : validateSelector(nodeSelector),
    onlyTrue(allNodes, "spec.allNodes"),
    onlyTrue(perDeviceNodeSelection, "spec.perDeviceNodeSelection"),
    set.length === 0 ? [field.required("spec", message)] : NONE,
    set.length > 1
      ? [field.invalid("spec", `{${set.join(", ")}}`, `${message}, but multiple fields are set`)]
      : NONE,
  );
}

function validateSelector(selector: NonNullable<ResourceSliceSpec["nodeSelector"]>): Causes {
  const terms = selector.nodeSelectorTerms;
  return all(
    validateNodeSelector(selector, "spec.nodeSelector"),
    terms.length === 1
      ? NONE
      : [
          field.invalid(
            "spec.nodeSelector.nodeSelectorTerms",
            terms,
            "must have exactly one node selector term",
          ),
        ],
  );
}

function onlyTrue(value: boolean | undefined, path: string): Causes {
  return value === false ? [field.invalid(path, value, "must be either unset or set to true")] : NONE;
}
