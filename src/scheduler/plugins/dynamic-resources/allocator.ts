/** Chooses devices for claims on one node: depth first, taking back what leads nowhere. Upstream's structured allocator. @module */
import type { SelectableNode } from "#api/core/v1/node-selector";
import type {
  AllocationResult,
  DeviceAllocationConfiguration,
  DeviceClaim,
  DeviceRequestAllocationResult,
  ResourceClaim,
  ResourceSlice,
} from "#api/resource/v1/types.gen";
import { keyOf } from "#apimachinery";
import { AttributeConstraint } from "./device-constraint.ts";
import { alternativesOf, isTaintedFor, type FindClass, type Wanted } from "./device-request.ts";
import type { DeviceSelectors } from "./device-selector.ts";
import { gatherPools, nodeSelectorOf, type Pool, type PoolDevice } from "./pools.ts";

/** Upstream's AllocationResultsMaxSize. */
const RESULTS_MAX = 32;
/** Devices tried for one node; upstream bounds the time instead. */
const STEPS_MAX = 100_000;

export interface AllocatorParts {
  readonly slices: readonly ResourceSlice[];
  readonly classes: FindClass;
  /** Ids of devices that claims have, or are about to get. */
  readonly inUse: ReadonlySet<string>;
  readonly selectors: DeviceSelectors;
}

/** A claim cannot be satisfied in any way here; the message says why. */
export class AllocationError extends Error {}

interface Chosen {
  readonly wanted: Wanted;
  readonly poolDevice: PoolDevice;
}

/** One result for every claim, or undefined if the node has not the devices. Throws `AllocationError`. */
export function allocate(
  claims: readonly ResourceClaim[],
  node: SelectableNode,
  parts: AllocatorParts,
): readonly AllocationResult[] | undefined {
  return new Allocation(claims, gatherPools(parts.slices, node), parts).run();
}

class Allocation {
  readonly #claims: readonly ResourceClaim[];
  readonly #pools: readonly Pool[];
  readonly #parts: AllocatorParts;
  /** By claim and request: the ways to satisfy it. */
  readonly #alternatives: readonly (readonly (readonly Wanted[])[])[];
  readonly #constraints: readonly (readonly AttributeConstraint[])[];
  /** By claim. */
  readonly #chosen: readonly Chosen[][];
  readonly #taken = new Set<string>();
  readonly #matches = new Map<Wanted, Map<PoolDevice, boolean>>();
  #steps = 0;

  constructor(claims: readonly ResourceClaim[], pools: readonly Pool[], parts: AllocatorParts) {
    this.#claims = claims;
    this.#pools = pools;
    this.#parts = parts;
    this.#chosen = claims.map(() => []);
    this.#alternatives = claims.map((claim) =>
      (claim.spec.devices?.requests ?? []).map((request) => {
        const alternatives = alternativesOf(request, parts.classes);
        if (typeof alternatives !== "string") return alternatives;
        throw new AllocationError(`claim ${keyOf(claim)}, ${alternatives}`);
      }),
    );
    this.#constraints = claims.map(({ spec }) =>
      (spec.devices?.constraints ?? []).map((constraint) => new AttributeConstraint(constraint)),
    );
  }

  run(): readonly AllocationResult[] | undefined {
    if (!this.#request(0, 0)) return undefined;
    return this.#claims.map(({ spec }, i) => resultOf(spec.devices ?? {}, this.#chosen[i]!));
  }

  /** The rest of the claims from this request on. */
  #request(claim: number, request: number): boolean {
    if (claim >= this.#claims.length) return true;
    const alternatives = this.#alternatives[claim]![request];
    if (alternatives === undefined) return this.#request(claim + 1, 0);
    const next = (): boolean => this.#request(claim, request + 1);
    return alternatives.some((wanted) =>
      wanted.isAll
        ? this.#all(claim, wanted, next)
        : this.#some(claim, wanted, wanted.count, undefined, next),
    );
  }

  /** Every device there is, or none. */
  #all(claim: number, wanted: Wanted, next: () => boolean): boolean {
    const pool = this.#pools.find(({ problem }) => problem !== undefined);
    if (pool !== undefined) {
      const state = pool.problem === "incomplete" ? "being updated" : "invalid";
      const asks = `asks for all devices, but resource pool ${pool.id} is currently ${state}`;
      throw new AllocationError(`claim ${keyOf(this.#claims[claim]!)}, request ${wanted.name}: ${asks}`);
    }
    const all = this.#pools.flatMap(({ devices }) => devices).filter((device) => this.#fits(wanted, device));
    if (all.length === 0 || this.#chosen[claim]!.length + all.length > RESULTS_MAX) return false;
    let taken = 0;
    for (const device of all) {
      if (!this.#take(claim, wanted, device)) break;
      taken++;
    }
    if (taken === all.length && next()) return true;
    for (const device of all.slice(0, taken).toReversed()) this.#giveBack(claim, wanted, device);
    return false;
  }

  /** `count` more devices; of equal requests each combination is tried once, so they come after `after`. */
  #some(
    claim: number,
    wanted: Wanted,
    count: number,
    after: PoolDevice | undefined,
    next: () => boolean,
  ): boolean {
    if (count === 0) return next();
    if (this.#chosen[claim]!.length + count > RESULTS_MAX) return false;
    let isPast = after === undefined;
    for (const { problem, devices } of this.#pools) {
      if (problem !== undefined) continue;
      for (const device of devices) {
        if (!isPast) {
          isPast = device === after;
          continue;
        }
        if (!this.#fits(wanted, device) || !this.#take(claim, wanted, device)) continue;
        if (this.#some(claim, wanted, count - 1, device, next)) return true;
        this.#giveBack(claim, wanted, device);
      }
    }
    return false;
  }

  /** By the selectors of the class and of the request; a device that has to be prepared first is given to nobody. */
  #fits(wanted: Wanted, poolDevice: PoolDevice): boolean {
    const byDevice = this.#matches.get(wanted) ?? new Map<PoolDevice, boolean>();
    this.#matches.set(wanted, byDevice);
    let fits = byDevice.get(poolDevice);
    if (fits === undefined) {
      const { driver, device } = poolDevice;
      const expressions = [...(wanted.deviceClass.spec.selectors ?? []), ...wanted.selectors];
      fits =
        (device.bindingConditions ?? []).length === 0 &&
        expressions.every(({ cel }) => {
          if (cel === undefined)
            throw new AllocationError("CEL expression empty (unsupported selector type?)");
          return this.#evaluate(cel.expression, driver, poolDevice);
        });
      byDevice.set(poolDevice, fits);
    }
    return fits;
  }

  #evaluate(expression: string, driver: string, { device, id }: PoolDevice): boolean {
    try {
      return this.#parts.selectors.matches(expression, driver, device);
    } catch (err) {
      const why = err instanceof Error ? err.message : String(err);
      throw new AllocationError(`device ${id}: ${why}`, { cause: err });
    }
  }

  /** Whether the device is free, tolerable and as the constraints want it. With admin access it need not be free. */
  #take(claim: number, wanted: Wanted, poolDevice: PoolDevice): boolean {
    if (++this.#steps > STEPS_MAX) throw new AllocationError("timed out trying to allocate devices");
    const { id, driver, device } = poolDevice;
    const isOurs = this.#chosen[claim]!.some((other) => other.poolDevice.id === id);
    if (wanted.adminAccess ? isOurs : this.#taken.has(id) || this.#parts.inUse.has(id)) return false;
    if (isTaintedFor(device, wanted.tolerations)) return false;
    const constraints = this.#constraints[claim]!;
    for (const [i, constraint] of constraints.entries()) {
      if (constraint.add(wanted.name, driver, device)) continue;
      for (const added of constraints.slice(0, i)) added.remove(wanted.name);
      return false;
    }
    if (!wanted.adminAccess) this.#taken.add(id);
    this.#chosen[claim]!.push({ wanted, poolDevice });
    return true;
  }

  #giveBack(claim: number, wanted: Wanted, { id }: PoolDevice): void {
    for (const constraint of this.#constraints[claim]!) constraint.remove(wanted.name);
    if (!wanted.adminAccess) this.#taken.delete(id);
    this.#chosen[claim]!.pop();
  }
}

function resultOf(devices: DeviceClaim, chosen: readonly Chosen[]): AllocationResult {
  const results = chosen.map(({ wanted, poolDevice }): DeviceRequestAllocationResult => {
    const { name, adminAccess, tolerations } = wanted;
    return {
      request: name,
      driver: poolDevice.driver,
      pool: poolDevice.pool,
      device: poolDevice.device.name,
      ...(adminAccess && { adminAccess }),
      ...(tolerations.length > 0 && { tolerations }),
    };
  });
  const config = configOf(devices, [...new Set(chosen.map(({ wanted }) => wanted))]);
  const nodeSelector = nodeSelectorOf(chosen.map(({ poolDevice }) => poolDevice));
  return {
    devices: { ...(results.length > 0 && { results }), ...(config.length > 0 && { config }) },
    ...(nodeSelector !== undefined && { nodeSelector }),
  };
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
