/** Rules for CSINodes. @module */
import { byteLength, field, isQualifiedName } from "#apimachinery";
import { each, NONE, nonNegative, obeys, type Causes } from "../../validation/common.ts";
import { semanticEqual } from "../../validation/semantic-equal.ts";
import { validateCsiDriverName } from "../../validation/volume-sources.ts";
import type { CSINode, CSINodeDriver } from "./types.gen.ts";

const NODE_ID_BYTES_MAX = 256;

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
    ...validateCsiDriverName(name, field.child(path, "name")),
    ...(nodeID === "" ? [field.required(idPath)] : NONE),
    ...(byteLength(nodeID) > NODE_ID_BYTES_MAX
      ? [field.invalid(idPath, nodeID, `must be ${NODE_ID_BYTES_MAX} characters or less`)]
      : NONE),
    ...nonNegative(allocatable?.count, field.child(path, "allocatable", "count")),
    ...topologyKeys.flatMap((key, i) => [
      ...(key === "" ? [field.required(path)] : NONE),
      ...(topologyKeys.indexOf(key) < i ? [field.duplicate(path, key)] : NONE),
      ...obeys(isQualifiedName, key, path),
    ]),
  ];
}

/** How many volumes a driver takes may change; drivers come and go. */
export function validateCSINodeUpdate(node: CSINode, old: CSINode): Causes {
  const before = new Map(old.spec.drivers.map((driver) => [driver.name, shown(driver)]));
  return node.spec.drivers.flatMap((driver) => {
    const [now, then] = [shown(driver), before.get(driver.name)];
    if (then === undefined || semanticEqual(now, then)) return [];
    return [field.invalid("spec.drivers", now, field.IMMUTABLE_MESSAGE)];
  });
}

/** As upstream's messages show it. */
function shown({ name, nodeID, topologyKeys }: CSINodeDriver): unknown {
  return { Name: name, NodeID: nodeID, TopologyKeys: topologyKeys ?? null, Allocatable: null };
}
