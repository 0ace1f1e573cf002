/** The devices that a node can reach, by the pools that drivers publish them in. Pure. @module */
import { matchesNodeSelector, type SelectableNode } from "#api/core/v1/node-selector";
import type { NodeSelector } from "#api/core/v1/types.gen";
import type { CounterSet, Device, ResourceSlice } from "#api/resource/v1/types.gen";
import { compareStrings } from "#apimachinery";

export interface PoolDevice {
  /** `driver/pool/device`. */
  readonly id: string;
  readonly driver: string;
  readonly pool: string;
  readonly device: Device;
  readonly slice: ResourceSlice;
}

export interface Pool {
  /** `driver/pool`. */
  readonly id: string;
  /** Its driver is publishing it, or has published nonsense: nothing of it is given away. */
  readonly problem: "incomplete" | "invalid" | undefined;
  readonly devices: readonly PoolDevice[];
  /** By name. */
  readonly counterSets: ReadonlyMap<string, CounterSet>;
  /** Its devices that consume counters, whatever node they are on. */
  readonly consumers: readonly PoolDevice[];
}

export function poolId(driver: string, pool: string): string {
  return `${driver}/${pool}`;
}

export function deviceId(driver: string, pool: string, device: string): string {
  return `${driver}/${pool}/${device}`;
}

/**
 * Of every pool the newest generation, in the order in which devices are tried: by the names that drivers gave to pools and slices,
 * pools with devices that have to be prepared last.
 */
export function gatherPools(slices: readonly ResourceSlice[], node: SelectableNode): readonly Pool[] {
  const byPool = Map.groupBy(slices, ({ spec }) => poolId(spec.driver, spec.pool.name));
  const pools: Pool[] = [];
  const withConditions: Pool[] = [];
  for (const [id, all] of [...byPool].toSorted(([a], [b]) => compareStrings(a, b))) {
    const newest = Math.max(...all.map(({ spec }) => spec.pool.generation));
    const current = all.filter(({ spec }) => spec.pool.generation === newest);
    const reachable = current.filter((slice) => isReachable(slice, node));
    if (reachable.length === 0) continue;
    const pool = newPool(id, current.toSorted(byName), reachable.toSorted(byName), node);
    const hasConditions = pool.devices.some(({ device }) => device.bindingConditions !== undefined);
    (hasConditions ? withConditions : pools).push(pool);
  }
  return [...pools, ...withConditions];
}

function newPool(
  id: string,
  current: readonly ResourceSlice[],
  reachable: readonly ResourceSlice[],
  node: SelectableNode,
): Pool {
  const sets = current.flatMap(({ spec }) => spec.sharedCounters ?? []);
  const counterSets = new Map(sets.map((set) => [set.name, set]));
  const consumers = current.flatMap((slice) =>
    devicesOf(slice, ({ consumesCounters = [] }) => consumesCounters.length > 0),
  );
  const names = reachable.flatMap(({ spec }) => (spec.devices ?? []).map(({ name }) => name));
  const isInvalid =
    new Set(names).size < names.length ||
    counterSets.size < sets.length ||
    !consumers.every(({ device }) => hasItsCounters(device, counterSets));
  const isIncomplete = current.length !== current[0]!.spec.pool.resourceSliceCount;
  return {
    id,
    problem: isIncomplete ? "incomplete" : isInvalid ? "invalid" : undefined,
    devices: reachable.flatMap((slice) =>
      slice.spec.perDeviceNodeSelection === true
        ? devicesOf(slice, (device) => nodeMatches(device, node))
        : devicesOf(slice, () => true),
    ),
    counterSets,
    consumers,
  };
}

function byName(a: ResourceSlice, b: ResourceSlice): number {
  return compareStrings(a.metadata.name, b.metadata.name);
}

function hasItsCounters(
  { consumesCounters = [] }: Device,
  counterSets: ReadonlyMap<string, CounterSet>,
): boolean {
  return consumesCounters.every(({ counterSet, counters }) => {
    const known = counterSets.get(counterSet)?.counters;
    return known !== undefined && Object.keys(counters).every((name) => known[name] !== undefined);
  });
}

/** Counters belong to a pool wherever its devices are. */
function isReachable({ spec }: ResourceSlice, node: SelectableNode): boolean {
  if ((spec.sharedCounters ?? []).length > 0) return true;
  if (spec.perDeviceNodeSelection === true)
    return (spec.devices ?? []).some((device) => nodeMatches(device, node));
  return nodeMatches(spec, node);
}

function devicesOf(slice: ResourceSlice, isWanted: (device: Device) => boolean): readonly PoolDevice[] {
  const { driver, pool, devices = [] } = slice.spec;
  return devices.filter(isWanted).map((device) => ({
    id: deviceId(driver, pool.name, device.name),
    driver,
    pool: pool.name,
    device,
    slice,
  }));
}

interface NodeChoice {
  readonly nodeName?: string;
  readonly allNodes?: boolean;
  readonly nodeSelector?: NodeSelector;
}

function nodeMatches({ nodeName = "", allNodes, nodeSelector }: NodeChoice, node: SelectableNode): boolean {
  if (nodeName !== "") return nodeName === node.name;
  if (allNodes === true) return true;
  return nodeSelector !== undefined && matchesNodeSelector(nodeSelector.nodeSelectorTerms, node);
}

/** Where a claim with these devices, chosen for this node, can be used; undefined: anywhere. */
export function nodeSelectorOf(devices: readonly PoolDevice[], chosenNode: string): NodeSelector | undefined {
  const fields = new Map<string, unknown>();
  const expressions = new Map<string, unknown>();
  for (const { device, slice } of devices) {
    const { nodeName = "", nodeSelector }: NodeChoice =
      slice.spec.perDeviceNodeSelection === true ? device : slice.spec;
    if (nodeName !== "" || device.bindsToNode === true) {
      const matchFields = [{ key: "metadata.name", operator: "In", values: [chosenNode] }];
      return { nodeSelectorTerms: [{ matchFields }] };
    }
    const [term] = nodeSelector?.nodeSelectorTerms ?? [];
    for (const one of term?.matchFields ?? []) fields.set(JSON.stringify(one), one);
    for (const one of term?.matchExpressions ?? []) expressions.set(JSON.stringify(one), one);
  }
  if (fields.size + expressions.size === 0) return undefined;
  const term = {
    ...(fields.size > 0 && { matchFields: [...fields.values()] }),
    ...(expressions.size > 0 && { matchExpressions: [...expressions.values()] }),
  };
  return { nodeSelectorTerms: [term] } as NodeSelector;
}
