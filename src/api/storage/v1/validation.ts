/** Rules for the kinds of storage. @module */
import {
  byteLength,
  field,
  isDns1123Subdomain,
  isQualifiedName,
  parseQuantity,
  signOf,
  validateLabelSelector,
} from "#apimachinery";
import {
  each,
  immutable,
  NONE,
  nonNegative,
  obeys,
  oneOf,
  requiredName,
  type Causes,
} from "../../validation/common.ts";
import { semanticEqual } from "../../validation/semantic-equal.ts";
import type {
  CSIDriver,
  CSINode,
  CSINodeDriver,
  CSIStorageCapacity,
  StorageClass,
  VolumeAttachment,
  VolumeAttributesClass,
} from "./types.gen.ts";

const DRIVER_BYTES_MAX = 63;
const NODE_ID_BYTES_MAX = 256;
const PARAMETERS_MAX = 512;
const PARAMETERS_BYTES_MAX = 256 * 1024;
const UPDATE_PERIOD_SECONDS_MIN = 10;
const TOKEN_SECONDS_MIN = 600;
const TOKEN_SECONDS_MAX = 2 ** 32;

function validateDriverName(name: string, path: string): Causes {
  if (name === "") return [field.required(path)];
  return [
    ...(byteLength(name) > DRIVER_BYTES_MAX ? [field.tooLong(path, DRIVER_BYTES_MAX)] : NONE),
    ...isDns1123Subdomain(name.toLowerCase()).map((message) => field.invalid(path, name, message)),
  ];
}

function validateProvisioner(name: string, path: string): Causes {
  if (name === "") return [field.required(path)];
  return obeys(isQualifiedName, name.toLowerCase(), path);
}

function validateParameters(parameters: Readonly<Record<string, string>> = {}, allowEmpty: boolean): Causes {
  const entries = Object.entries(parameters);
  if (entries.length > PARAMETERS_MAX) return [field.tooLong("parameters", PARAMETERS_MAX)];
  const size = entries.reduce((sum, [key, value]) => sum + byteLength(key) + byteLength(value), 0);
  return [
    ...("" in parameters ? [field.invalid("parameters", "", "field can not be empty.")] : NONE),
    ...(size > PARAMETERS_BYTES_MAX ? [field.tooLong("parameters", PARAMETERS_BYTES_MAX)] : NONE),
    ...(!allowEmpty && entries.length === 0
      ? [field.required("parameters", "must contain at least one key/value pair")]
      : NONE),
  ];
}

export function validateStorageClass(sc: StorageClass): Causes {
  const modes = ["Immediate", "WaitForFirstConsumer"];
  return [
    ...validateProvisioner(sc.provisioner, "provisioner"),
    ...validateParameters(sc.parameters, true),
    ...oneOf(sc.reclaimPolicy || undefined, ["Delete", "Retain"], "reclaimPolicy"),
    ...(sc.volumeBindingMode === undefined
      ? [field.required("volumeBindingMode")]
      : oneOf(sc.volumeBindingMode, modes, "volumeBindingMode")),
  ];
}

export function validateStorageClassUpdate(sc: StorageClass, old: StorageClass): Causes {
  const names = ["parameters", "provisioner", "reclaimPolicy", "volumeBindingMode"] as const;
  return names.flatMap((name) => immutable(sc[name], old[name], name));
}

export function validateVolumeAttachment({ spec }: VolumeAttachment): Causes {
  const { persistentVolumeName: name, inlineVolumeSpec: inline } = spec.source;
  const exactlyOne = "must specify exactly one of inlineVolumeSpec and persistentVolumeName";
  const path = "spec.source";
  return [
    ...validateDriverName(spec.attacher, "spec.attacher"),
    ...(name === undefined && inline === undefined ? [field.required(path, exactlyOne)] : NONE),
    ...(name !== undefined && inline !== undefined ? [field.forbidden(path, exactlyOne)] : NONE),
    ...(name === undefined ? NONE : requiredName(isDns1123Subdomain, name, `${path}.persistentVolumeName`)),
    ...obeys(isDns1123Subdomain, spec.nodeName, "spec.nodeName"),
  ];
}

export function validateVolumeAttachmentUpdate(attachment: VolumeAttachment, old: VolumeAttachment): Causes {
  return immutable(attachment.spec, old.spec, "spec");
}

export function validateCSINode({ spec }: CSINode): Causes {
  const seen = new Set<string>();
  return each(spec.drivers, "spec.drivers", (driver, at) => {
    const repeated = seen.has(driver.name);
    seen.add(driver.name);
    return [
      ...validateNodeDriver(driver, at),
      ...(repeated ? [field.duplicate(field.child(at, "name"), driver.name)] : NONE),
    ];
  });
}

function validateNodeDriver(
  { name, nodeID, allocatable, topologyKeys = [] }: CSINodeDriver,
  path: string,
): Causes {
  const idPath = field.child(path, "nodeID");
  return [
    ...validateDriverName(name, field.child(path, "name")),
    ...(nodeID === "" ? [field.required(idPath)] : NONE),
    ...(byteLength(nodeID) > NODE_ID_BYTES_MAX
      ? [field.invalid(idPath, nodeID, `must be ${NODE_ID_BYTES_MAX} characters or less`)]
      : NONE),
    ...nonNegative(allocatable?.count, field.child(path, "allocatable", "count")),
    ...topologyKeys.flatMap((key, i) => [
      ...(topologyKeys.indexOf(key) < i ? [field.duplicate(path, key)] : NONE),
      ...requiredName(isQualifiedName, key, path),
    ]),
  ];
}

export function validateCSIDriver({ spec }: CSIDriver): Causes {
  const period = spec.nodeAllocatableUpdatePeriodSeconds;
  const policies = ["File", "None", "ReadWriteOnceWithFSType"];
  const seen = new Set<string>();
  return [
    ...oneOf(spec.fsGroupPolicy, policies, "spec.fsGroupPolicy"),
    ...each(spec.tokenRequests, "spec.tokenRequests", ({ audience, expirationSeconds: seconds }, at) => {
      const path = field.child(at, "expirationSeconds");
      if (seen.has(audience)) return [field.duplicate(field.child(at, "audience"), audience)];
      seen.add(audience);
      if (seconds === undefined) return NONE;
      if (seconds < TOKEN_SECONDS_MIN) {
        return [field.invalid(path, seconds, "may not specify a duration less than 10 minutes")];
      }
      if (seconds <= TOKEN_SECONDS_MAX) return NONE;
      return [field.invalid(path, seconds, "may not specify a duration larger than 2^32 seconds")];
    }),
    ...(spec.volumeLifecycleModes ?? []).flatMap((mode) =>
      oneOf(mode, ["Persistent", "Ephemeral"], "spec.volumeLifecycleModes"),
    ),
    ...(period !== undefined && period < UPDATE_PERIOD_SECONDS_MIN
      ? [
          field.invalid(
            "spec.nodeAllocatableUpdatePeriodSeconds",
            period,
            `must be greater than or equal to ${UPDATE_PERIOD_SECONDS_MIN} seconds`,
          ),
        ]
      : NONE),
  ];
}

export function validateCSIDriverUpdate({ spec }: CSIDriver, old: CSIDriver): Causes {
  return [
    // Upstream's path has this slip.
    ...immutable(spec.attachRequired, old.spec.attachRequired, "spec.attachedRequired"),
    ...immutable(spec.volumeLifecycleModes, old.spec.volumeLifecycleModes, "spec.volumeLifecycleModes"),
  ];
}

export function validateCSIStorageCapacity(capacity: CSIStorageCapacity): Causes {
  const amount = capacity.capacity;
  return [
    ...validateLabelSelector(capacity.nodeTopology, "nodeTopology"),
    ...obeys(isDns1123Subdomain, capacity.storageClassName, "storageClassName"),
    ...(amount !== undefined && signOf(parseQuantity(amount)) < 0
      ? [field.invalid("capacity", amount, "must be greater than or equal to 0")]
      : NONE),
  ];
}

export function validateCSIStorageCapacityUpdate(
  capacity: CSIStorageCapacity,
  old: CSIStorageCapacity,
): Causes {
  return [
    ...immutable(capacity.nodeTopology, old.nodeTopology, "nodeTopology"),
    ...immutable(capacity.storageClassName, old.storageClassName, "storageClassName"),
  ];
}

export function validateVolumeAttributesClass({ driverName, parameters }: VolumeAttributesClass): Causes {
  return [...validateProvisioner(driverName, "driverName"), ...validateParameters(parameters, false)];
}

export function validateVolumeAttributesClassUpdate(
  vac: VolumeAttributesClass,
  old: VolumeAttributesClass,
): Causes {
  return (["driverName", "parameters"] as const)
    .filter((name) => !semanticEqual(vac[name], old[name]))
    .map((name) => field.forbidden(name, `updates to ${name} are forbidden.`));
}
