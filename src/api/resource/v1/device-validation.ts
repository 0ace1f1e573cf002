/** Rules for one device of a slice. @module */
import { byteLength, field, isDns1123Subdomain } from "#apimachinery";
import { all, NONE, obeys, type Causes } from "../../validation/common.ts";
import { validateNodeSelector } from "../../validation/node-selector.ts";
import { semanticEqual } from "../../validation/semantic-equal.ts";
import { validateMap, validateSet, validateSlice } from "./bounded-lists.ts";
import { validateCapacity } from "./device-capacity-validation.ts";
import { validateLabelLike, validateQualifiedName } from "./device-names.ts";
import { validateBindingConditions, validateDeviceTaint } from "./device-taint-validation.ts";
import type { Counter, Device, DeviceAttribute, DeviceCounterConsumption } from "./types.gen.ts";

const TAINTS_MAX = 16;
const CONSUMPTIONS_MAX = 2;
const COUNTERS_MAX = 32;
const COUNTER_NAME_BYTES_MAX = 63;
const ATTRIBUTES_AND_CAPACITIES_MAX = 32;
const ATTRIBUTE_VALUES_MAX = 48;
const KEY_BYTES_MAX = 63 + 1 + 32;
const VALUE_BYTES_MAX = 64;

export function validateDevice(
  device: Device,
  old: Device | undefined,
  perDevice: boolean,
  path: string,
): Causes {
  const { attributes = {}, capacity = {}, taints } = device;
  const named = Object.keys(attributes).length + Object.keys(capacity).length;
  const tooMany = `the total number of attributes and capacities must not exceed ${ATTRIBUTES_AND_CAPACITIES_MAX}`;
  const values = Object.keys(attributes).length;
  const tooManyValues = `the total number of attribute values must not exceed ${ATTRIBUTE_VALUES_MAX}`;
  const isShared = device.allowMultipleAllocations === true;
  return all(
    validateLabelLike(device.name, field.child(path, "name")),
    named > ATTRIBUTES_AND_CAPACITIES_MAX ? [field.invalid(path, named, tooMany)] : NONE,
    values > ATTRIBUTE_VALUES_MAX ? [field.invalid(path, values, tooManyValues)] : NONE,
    validateMap(
      attributes,
      Number.POSITIVE_INFINITY,
      KEY_BYTES_MAX,
      { key: validateQualifiedName, value: validateAttribute },
      field.child(path, "attributes"),
    ),
    validateMap(
      capacity,
      Number.POSITIVE_INFINITY,
      KEY_BYTES_MAX,
      { key: validateQualifiedName, value: (value, at) => validateCapacity(value, at, isShared) },
      field.child(path, "capacity"),
    ),
    old !== undefined && semanticEqual(old.taints, taints)
      ? NONE
      : validateSlice(
          taints,
          TAINTS_MAX,
          (taint, at) => validateDeviceTaint(taint, at),
          field.child(path, "taints"),
        ),
    validateSet(
      device.consumesCounters,
      CONSUMPTIONS_MAX,
      validateConsumption,
      ({ counterSet }) => counterSet,
      field.child(path, "consumesCounters"),
    ),
    perDevice ? validatePlace(device, path) : validateNoPlace(device, path),
    validateBindingConditions(device, path),
  );
}

const VERSION =
  /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-(0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)(\.(0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*)?(\+[0-9a-zA-Z-]+(\.[0-9a-zA-Z-]+)*)?$/;

function validateAttribute(attribute: DeviceAttribute, path: string): Causes {
  const { string, version } = attribute;
  const count = Object.values(attribute).filter((value) => value !== undefined).length;
  const [stringPath, versionPath] = [field.child(path, "string"), field.child(path, "version")];
  return all(
    string === undefined ? NONE : validateLength(string, stringPath),
    version === undefined || VERSION.test(version)
      ? NONE
      : [field.invalid(versionPath, version, "must be a string compatible with semver.org spec 2.0.0")],
    version === undefined ? NONE : validateLength(version, versionPath),
    count === 1
      ? NONE
      : [field.invalid(path, count === 0 ? "" : shown(attribute), "exactly one value must be specified")],
  );
}

function validateLength(value: string, path: string): Causes {
  return byteLength(value) > VALUE_BYTES_MAX ? [field.tooLong(path, VALUE_BYTES_MAX)] : NONE;
}

/** As upstream's messages show it. */
function shown({ int, bool, string, version }: DeviceAttribute): unknown {
  return {
    IntValue: int ?? null,
    BoolValue: bool ?? null,
    StringValue: string ?? null,
    VersionValue: version ?? null,
    IntValues: null,
    BoolValues: null,
    StringValues: null,
    VersionValues: null,
  };
}

function validateConsumption({ counterSet, counters }: DeviceCounterConsumption, path: string): Causes {
  return validateCounters("counterSet", counterSet, counters, path);
}

/** A name and the counters under it; `name` is what the field of the name is called. */
export function validateCounters(
  name: string,
  value: string,
  counters: Readonly<Record<string, Counter>> | undefined,
  path: string,
): Causes {
  const [namePath, countersPath] = [field.child(path, name), field.child(path, "counters")];
  return all(
    value === "" ? [field.required(namePath)] : validateLabelLike(value, namePath),
    Object.keys(counters ?? {}).length === 0
      ? [field.required(countersPath)]
      : validateMap(
          counters,
          COUNTERS_MAX,
          COUNTER_NAME_BYTES_MAX,
          { key: validateLabelLike, value: () => NONE },
          countersPath,
        ),
  );
}

function validatePlace({ nodeName, nodeSelector, allNodes }: Device, path: string): Causes {
  const message =
    "exactly one of `nodeName`, `nodeSelector`, or `allNodes` is required when `perDeviceNodeSelection` is set to true in the ResourceSlice spec";
  const set = [
    ...(nodeName ? ["`nodeName`"] : []),
    ...(nodeSelector === undefined ? [] : ["`nodeSelector`"]),
    ...(allNodes === true ? ["`allNodes`"] : []),
  ];
  const namePath = field.child(path, "nodeName");
  return all(
    nodeName === undefined
      ? NONE
      : nodeName === ""
        ? [field.invalid(namePath, nodeName, "must not be empty")]
        : obeys(isDns1123Subdomain, nodeName, namePath),
    nodeSelector === undefined ? NONE : validateNodeSelector(nodeSelector, field.child(path, "nodeSelector")),
    allNodes === false
      ? [field.invalid(field.child(path, "allNodes"), allNodes, "must be either unset or set to true")]
      : NONE,
    set.length === 0 ? [field.required(path, message)] : NONE,
    set.length > 1 ? [field.invalid(path, `{${set.join(", ")}}`, message)] : NONE,
  );
}

function validateNoPlace({ nodeName, nodeSelector, allNodes }: Device, path: string): Causes {
  if (nodeName === undefined && nodeSelector === undefined && allNodes === undefined) return NONE;
  const message =
    "`nodeName`, `nodeSelector` and `allNodes` can only be set if `perDeviceNodeSelection` is set to true in the ResourceSlice spec";
  return [field.invalid(path, undefined, message)];
}
