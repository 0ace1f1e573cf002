/** What is written down of an allocation: the devices, what their drivers are told, and where they can be used. @module */
import type {
  AllocationResult,
  DeviceAllocationConfiguration,
  DeviceClaim,
  DeviceRequestAllocationResult,
  ResourceClaim,
} from "#api/resource/v1/types.gen";
import { formatQuantity } from "#apimachinery";
import type { Consumed } from "./consumable-capacity.ts";
import type { Wanted } from "./device-request.ts";
import { nodeSelectorOf, type PoolDevice } from "./pools.ts";

export interface ChosenDevice {
  readonly wanted: Wanted;
  readonly poolDevice: PoolDevice;
  /** Of a device that is shared. */
  readonly consumed: Consumed | undefined;
}

/** `random` makes the ids of shares. */
export function resultOf(
  { spec: { devices = {} } }: ResourceClaim,
  chosen: readonly ChosenDevice[],
  nodeName: string,
  random: () => number,
): AllocationResult {
  const results = chosen.map((one) => deviceResultOf(one, random));
  const config = configOf(devices, [...new Set(chosen.map(({ wanted }) => wanted))]);
  const nodeSelector = nodeSelectorOf(
    chosen.map(({ poolDevice }) => poolDevice),
    nodeName,
  );
  return {
    devices: { ...(results.length > 0 && { results }), ...(config.length > 0 && { config }) },
    ...(nodeSelector !== undefined && { nodeSelector }),
  };
}

function deviceResultOf(
  { wanted, poolDevice, consumed }: ChosenDevice,
  random: () => number,
): DeviceRequestAllocationResult {
  const { name, adminAccess, tolerations } = wanted;
  const { driver, pool, device } = poolDevice;
  const { bindingConditions = [], bindingFailureConditions = [] } = device;
  return {
    request: name,
    driver,
    pool,
    device: device.name,
    ...(adminAccess && { adminAccess }),
    ...(tolerations.length > 0 && { tolerations }),
    ...(bindingConditions.length > 0 && { bindingConditions }),
    ...(bindingFailureConditions.length > 0 && { bindingFailureConditions }),
    ...(consumed !== undefined && { shareID: newShareId(random) }),
    ...(consumed !== undefined && consumed.size > 0 && { consumedCapacity: textsOf(consumed) }),
  };
}

function textsOf(consumed: Consumed): Readonly<Record<string, string>> {
  return Object.fromEntries([...consumed].map(([name, amount]) => [name, formatQuantity(amount)]));
}

/** A UUID of version 4. */
function newShareId(random: () => number): string {
  const digit = (): number => Math.floor(random() * 16);
  return "xxxxxxxx-xxxx-4xxx-yxxx-xxxxxxxxxxxx".replaceAll(/[xy]/g, (place) =>
    (place === "x" ? digit() : 8 + (digit() % 4)).toString(16),
  );
}

/** What drivers are told: first what the classes say, then what the claim says. */
function configOf(
  { config = [] }: DeviceClaim,
  satisfied: readonly Wanted[],
): readonly DeviceAllocationConfiguration[] {
  const byClass = Map.groupBy(satisfied, ({ deviceClass }) => deviceClass);
  const ofClasses = [...byClass].flatMap(([{ spec }, wanted]) =>
    (spec.config ?? []).map(({ opaque }) => ({
      source: "FromClass",
      requests: wanted.map(({ name }) => name),
      ...(opaque !== undefined && { opaque }),
    })),
  );
  const ofClaim = config
    .filter(({ requests = [] }) => {
      if (requests.length === 0) return true;
      return satisfied.some(({ name }) => requests.includes(name) || requests.includes(name.split("/")[0]!));
    })
    .map(({ requests, opaque }) => ({
      source: "FromClaim",
      ...(requests !== undefined && { requests }),
      ...(opaque !== undefined && { opaque }),
    }));
  return [...ofClasses, ...ofClaim];
}
