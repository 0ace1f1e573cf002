/** Rules for classes of storage and for its capacity. @module */
import {
  byteLength,
  canonicalQuantity,
  field,
  isDns1123Subdomain,
  isQualifiedName,
  jsonEqual,
  parseQuantity,
  signOf,
  sorted,
  validateLabelName,
} from "#apimachinery";
import type { TopologySelectorLabelRequirement, TopologySelectorTerm } from "../../core/v1/types.gen.ts";
import { isValidSelector, validateSelector } from "../../meta/v1/label-selector-validation.ts";
import { deprecationOfLabel } from "../../node/v1/deprecated-labels.ts";
import { each, immutable, NONE, obeys, oneOf, type Causes } from "../../validation/common.ts";
import { semanticEqual } from "../../validation/semantic-equal.ts";
import type { CSIStorageCapacity, StorageClass, VolumeAttributesClass } from "./types.gen.ts";

const PARAMETERS_MAX = 512;
const PARAMETERS_BYTES_MAX = 256 * 1024;

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
    ...validateTopologies(sc.allowedTopologies ?? [], "allowedTopologies"),
  ];
}

type Values = Readonly<Record<string, readonly string[]>>;

/** Terms must differ from each other. Upstream compares each with as many empty terms as there are terms, too. */
function validateTopologies(terms: readonly TopologySelectorTerm[], path: string): Causes {
  const seen: Values[] = terms.map(() => ({}));
  return each(terms, path, ({ matchLabelExpressions = [] }, at) => {
    const values = Object.fromEntries(
      matchLabelExpressions.map((expression) => [expression.key, sorted(new Set(expression.values))]),
    );
    const expressionsPath = field.child(at, "matchLabelExpressions");
    const equal = seen.filter((other) => jsonEqual(other, values));
    seen.push(values);
    return [
      ...validateExpressions(matchLabelExpressions, expressionsPath),
      ...equal.map(() => field.duplicate(expressionsPath, "")),
    ];
  });
}

function validateExpressions(expressions: readonly TopologySelectorLabelRequirement[], path: string): Causes {
  return each(expressions, path, ({ key, values }, at, i) => {
    const valuesPath = field.child(at, "values");
    return [
      ...(values.length === 0 ? [field.required(valuesPath)] : NONE),
      ...each(values, valuesPath, (value, p, j) =>
        values.indexOf(value) < j ? [field.duplicate(p, value)] : NONE,
      ),
      ...validateLabelName(key, field.child(at, "key")),
      ...(expressions.findIndex((other) => other.key === key) < i
        ? [field.duplicate(field.child(at, "key"), key)]
        : NONE),
    ];
  });
}

export function storageClassWarnings({ allowedTopologies = [] }: StorageClass): readonly string[] {
  return allowedTopologies.flatMap(({ matchLabelExpressions = [] }, i) =>
    matchLabelExpressions.flatMap(({ key }, j) => {
      const message = deprecationOfLabel(key);
      const path = `allowedTopologies[${i}].matchLabelExpressions[${j}].key`;
      return message === undefined ? [] : [`${path}: ${message}`];
    }),
  );
}

export function validateStorageClassUpdate(sc: StorageClass, old: StorageClass): Causes {
  const names = ["parameters", "provisioner", "reclaimPolicy", "volumeBindingMode"] as const;
  return names.flatMap((name) => immutable(sc[name], old[name], name));
}

export function validateCSIStorageCapacity(capacity: CSIStorageCapacity, old?: CSIStorageCapacity): Causes {
  const amount = capacity.capacity;
  return [
    ...validateSelector(capacity.nodeTopology, "nodeTopology", !isValidSelector(old?.nodeTopology)),
    ...obeys(isDns1123Subdomain, capacity.storageClassName, "storageClassName"),
    ...(amount !== undefined && signOf(parseQuantity(amount)) < 0
      ? [field.invalid("capacity", canonicalQuantity(amount), "must be greater than or equal to 0")]
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
