/** The devices that a node can reach, by the pools that drivers publish them in. Pure. @module */
import { matchesNodeSelector, type SelectableNode } from "#api/core/v1/node-selector";
import type { NodeSelector } from "#api/core/v1/types.gen";
import type { Device, ResourceSlice } from "#api/resource/v1/types.gen";

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
}

export function deviceId(driver: string, pool: string, device: string): string {
  return `${driver}/${pool}/${device}`;
}

/** Of every pool the newest generation. */
export function gatherPools(slices: readonly ResourceSlice[], node: SelectableNode): readonly Pool[] {
  const byPool = Map.groupBy(slices, ({ spec }) => `${spec.driver}/${spec.pool.name}`);
  const pools: Pool[] = [];
  for (const [id, all] of byPool) {
    const newest = Math.max(...all.map(({ spec }) => spec.pool.generation));
    const current = all.filter(({ spec }) => spec.pool.generation === newest);
    const reachable = current.filter((slice) => isReachable(slice, node));
    if (reachable.length === 0) continue;
    const isIncomplete = current.length !== current[0]!.spec.pool.resourceSliceCount;
    const devices = reachable.flatMap((slice) => devicesOf(slice, node));
    const names = reachable.flatMap(({ spec }) => (spec.devices ?? []).map(({ name }) => name));
    const isInvalid = new Set(names).size < names.length;
    pools.push({
      id,
      problem: isIncomplete ? "incomplete" : isInvalid ? "invalid" : undefined,
      devices,
    });
  }
  return pools;
}

function isReachable({ spec }: ResourceSlice, node: SelectableNode): boolean {
  if (spec.perDeviceNodeSelection === true)
    return (spec.devices ?? []).some((device) => nodeMatches(device, node));
  return nodeMatches(spec, node);
}

/** A device that shares counters with others needs what is not there: it is left alone. */
function devicesOf(slice: ResourceSlice, node: SelectableNode): readonly PoolDevice[] {
  const { driver, pool, devices = [], perDeviceNodeSelection = false } = slice.spec;
  return devices
    .filter((device) => !perDeviceNodeSelection || nodeMatches(device, node))
    .filter(({ consumesCounters = [] }) => consumesCounters.length === 0)
    .map((device) => ({
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

/** Where a claim with these devices can be used; undefined: anywhere. */
export function nodeSelectorOf(devices: readonly PoolDevice[]): NodeSelector | undefined {
  const fields = new Map<string, unknown>();
  const expressions = new Map<string, unknown>();
  for (const { device, slice } of devices) {
    const { nodeName = "", nodeSelector }: NodeChoice =
      slice.spec.perDeviceNodeSelection === true ? device : slice.spec;
    if (nodeName !== "") {
      const matchFields = [{ key: "metadata.name", operator: "In", values: [nodeName] }];
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
