/** How much of an extended resource a node has as devices, and how much of it is taken: for those who score nodes by it. @module */
import type { Device, DeviceClass } from "#api/resource/v1/types.gen";
import type { NodeInfo } from "../../cache/node-info.ts";
import type { DraManager } from "./dra-manager.ts";
import type { PoolDevice } from "./pools.ts";

export interface Totals {
  readonly capacity: number;
  readonly used: number;
}

/** undefined: no devices stand behind the resource. */
export type DeviceTotals = (resource: string, node: NodeInfo) => Totals | undefined;

export function deviceTotals(dra: DraManager): DeviceTotals {
  const known = new WeakMap<Device, WeakMap<DeviceClass, boolean>>();
  const isOfClass = (poolDevice: PoolDevice, deviceClass: DeviceClass): boolean => {
    let classes = known.get(poolDevice.device);
    if (classes === undefined) known.set(poolDevice.device, (classes = new WeakMap()));
    let answer = classes.get(deviceClass);
    if (answer === undefined) classes.set(deviceClass, (answer = matches(dra, poolDevice, deviceClass)));
    return answer;
  };
  const { allocated } = dra;
  return (resource, node) => {
    const deviceClass = dra.classes.byResource(resource);
    if (deviceClass === undefined) return undefined;
    let capacity = 0;
    let used = 0;
    for (const { devices } of dra.poolsFor(node))
      for (const poolDevice of devices) {
        if (!isOfClass(poolDevice, deviceClass)) continue;
        capacity++;
        if (allocated.isDedicated(poolDevice.id) || allocated.shared.has(poolDevice.id)) used++;
      }
    return { capacity, used };
  };
}

/** A selector that fails selects nothing here: whoever allocates will say so. */
function matches(dra: DraManager, { driver, device }: PoolDevice, { spec }: DeviceClass): boolean {
  try {
    return (spec.selectors ?? []).every(
      ({ cel }) => cel === undefined || dra.selectors.matches(cel.expression, driver, device),
    );
  } catch {
    return false;
  }
}
