/** Chooses devices for claims on one node: depth first, taking back what leads nowhere. Upstream's structured allocator. @module */
import type { DeviceSelector, ResourceClaim } from "#api/resource/v1/types.gen";
import { keyOf, messageOf } from "#apimachinery";
import type { AllocatedState } from "./allocated-devices.ts";
import type { ChosenDevice } from "./allocation-result.ts";
import { consumptionOf, isWithin, usualConsumption, type Consumed } from "./consumable-capacity.ts";
import { AttributeConstraint } from "./device-constraint.ts";
import { alternativesOf, isTaintedFor, type FindClass, type Wanted } from "./device-request.ts";
import type { DeviceSelectors } from "./device-selector.ts";
import type { Pool, PoolDevice } from "./pools.ts";
import { SharedCounters } from "./shared-counters.ts";

/** Upstream's AllocationResultsMaxSize. */
const RESULTS_MAX = 32;
/** Devices tried for one node, whatever time that takes. */
const STEPS_MAX = 100_000;
const NO_TAKERS: readonly number[] = [];
const NO_SHARES: readonly Consumed[] = [];
/** After so many tries it is looked at the time. */
const STEPS_PER_LOOK = 256;

export interface AllocatorParts {
  /** That the node can reach. */
  readonly pools: readonly Pool[];
  readonly classes: FindClass;
  /** What claims have, or are about to get. */
  readonly allocated: AllocatedState;
  readonly selectors: DeviceSelectors;
  /** Whether the time for one node is over. */
  readonly isLate: () => boolean;
}

/** A claim cannot be satisfied in any way here; the message says why. */
export class AllocationError extends Error {}

/** It took too long: the answer is not known. */
export class AllocationTimeout extends Error {}

interface Candidate {
  readonly pool: Pool;
  readonly device: PoolDevice;
}

interface Chosen extends ChosenDevice {
  /** The pool whose counters the device took. */
  readonly counted: Pool | undefined;
}

/**
 * The devices of every claim, or undefined if the node has not enough of them. Throws `AllocationError`, and `AllocationTimeout`
 * when it takes too long.
 */
export function allocate(
  claims: readonly ResourceClaim[],
  parts: AllocatorParts,
): readonly (readonly ChosenDevice[])[] | undefined {
  return new Allocation(claims, parts).run();
}

class Allocation {
  readonly #claims: readonly ResourceClaim[];
  readonly #pools: readonly Pool[];
  readonly #parts: AllocatorParts;
  /** By claim and request: the ways to satisfy it. */
  readonly #alternatives: readonly (readonly (readonly Wanted[])[])[];
  readonly #constraints: readonly (readonly AttributeConstraint[])[];
  /** Of requests for all devices: which these are. */
  readonly #all = new Map<Wanted, readonly Candidate[]>();
  /** By claim. */
  readonly #chosen: readonly Chosen[][];
  /** Device -> the claims that are about to get it. */
  readonly #takers = new Map<string, readonly number[]>();
  /** Device -> what those consume that are about to get a share of it. */
  readonly #shares = new Map<string, Consumed[]>();
  readonly #counters: SharedCounters;
  readonly #matches = new Map<Wanted, Map<PoolDevice, boolean>>();
  readonly #consumptions = new Map<Wanted, Map<PoolDevice, Consumed | undefined>>();
  #steps = 0;

  constructor(claims: readonly ResourceClaim[], parts: AllocatorParts) {
    this.#claims = claims;
    this.#pools = parts.pools;
    this.#parts = parts;
    const { allocated } = parts;
    this.#counters = new SharedCounters((id) => allocated.isDedicated(id) || allocated.shared.has(id));
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

  /** By claim. */
  run(): readonly (readonly ChosenDevice[])[] | undefined {
    for (const [i, claim] of this.#claims.entries()) this.#countAll(i, claim);
    if (this.#request(0, 0)) return this.#chosen;
    // not before: other pools may have had what was asked for
    if (this.#pools.some(({ problem }) => problem === "invalid"))
      throw new AllocationError("invalid resource pools were encountered");
    return undefined;
  }

  /** What requests for all devices mean, and whether the claim asks for more devices than a claim can have. */
  #countAll(i: number, claim: ResourceClaim): void {
    let least = 0;
    for (const alternatives of this.#alternatives[i]!) {
      const counts = alternatives.map((wanted) => {
        if (!wanted.isAll) return wanted.count;
        const all = this.#allOf(i, wanted);
        this.#all.set(wanted, all);
        return all.length;
      });
      least += Math.min(...counts);
    }
    if (least <= RESULTS_MAX) return;
    const asks = `number of requested devices ${least} exceeds the claim limit of ${RESULTS_MAX}`;
    throw new AllocationError(`claim ${keyOf(claim)}: ${asks}`);
  }

  #allOf(claim: number, wanted: Wanted): readonly Candidate[] {
    const broken = this.#pools.find(({ problem }) => problem !== undefined);
    if (broken !== undefined) {
      const state = broken.problem === "incomplete" ? "being updated" : "invalid";
      const asks = `asks for all devices, but resource pool ${broken.id} is currently ${state}`;
      throw new AllocationError(`claim ${keyOf(this.#claims[claim]!)}, request ${wanted.name}: ${asks}`);
    }
    return this.#pools.flatMap((pool) =>
      pool.devices
        .filter((device) => this.#fits(claim, wanted, device) && this.#hasCapacity(wanted, device))
        .map((device) => ({ pool, device })),
    );
  }

  /** The rest of the claims from this request on. */
  #request(claim: number, request: number): boolean {
    if (claim >= this.#claims.length) return true;
    const alternatives = this.#alternatives[claim]![request];
    if (alternatives === undefined) return this.#request(claim + 1, 0);
    const next = (): boolean => this.#request(claim, request + 1);
    return alternatives.some((wanted) =>
      wanted.isAll
        ? this.#every(claim, wanted, next)
        : this.#some(claim, wanted, wanted.count, undefined, next),
    );
  }

  /** Every device there is, or none. */
  #every(claim: number, wanted: Wanted, next: () => boolean): boolean {
    const all = this.#all.get(wanted)!;
    if (all.length === 0 || this.#chosen[claim]!.length + all.length > RESULTS_MAX) return false;
    let taken = 0;
    for (const candidate of all) {
      if (!this.#take(claim, wanted, candidate)) break;
      taken++;
    }
    if (taken === all.length && next()) return true;
    for (; taken > 0; taken--) this.#giveBack(claim);
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
    for (const pool of this.#pools) {
      if (pool.problem !== undefined) continue;
      for (const device of pool.devices) {
        if (!isPast) {
          isPast = device === after;
          continue;
        }
        if (this.#isInUse(claim, wanted, device)) continue; // nothing is cheaper to know
        if (!this.#fits(claim, wanted, device) || !this.#take(claim, wanted, { pool, device })) continue;
        if (this.#some(claim, wanted, count - 1, device, next)) return true;
        this.#giveBack(claim);
      }
    }
    return false;
  }

  /** By the selectors of the class and of the request. */
  #fits(claim: number, wanted: Wanted, device: PoolDevice): boolean {
    return remembered(this.#matches, wanted, device, () => {
      const { metadata, spec } = wanted.deviceClass;
      return (
        this.#matchesAll(spec.selectors ?? [], device, `class ${metadata.name}`) &&
        this.#matchesAll(wanted.selectors, device, `claim ${keyOf(this.#claims[claim]!)}`)
      );
    });
  }

  #matchesAll(selectors: readonly DeviceSelector[], { driver, device }: PoolDevice, of: string): boolean {
    return selectors.every(({ cel }, i) => {
      if (cel === undefined)
        throw new AllocationError(`${of}, selector #${i}: CEL expression empty (unsupported selector type?)`);
      try {
        return this.#parts.selectors.matches(cel.expression, driver, device);
      } catch (err) {
        const why = messageOf(err);
        throw new AllocationError(`${of}: selector #${i}: ${why}`, { cause: err });
      }
    });
  }

  /** Whether the device has what is asked for besides what others have of it. */
  #hasCapacity(wanted: Wanted, poolDevice: PoolDevice): boolean {
    const { id, device } = poolDevice;
    const others = this.#parts.allocated.shared.get(id);
    const ours = this.#shares.get(id) ?? NO_SHARES;
    if (wanted.capacity === undefined && others === undefined && ours.length === 0)
      return usualConsumption(device).isWithin;
    const consumed = this.#consumption(wanted, poolDevice);
    if (consumed === undefined) return false;
    return isWithin(device, others === undefined ? [consumed, ...ours] : [consumed, others, ...ours]);
  }

  #consumption(wanted: Wanted, poolDevice: PoolDevice): Consumed | undefined {
    const { device } = poolDevice;
    if (wanted.capacity === undefined) return usualConsumption(device).consumed;
    return remembered(this.#consumptions, wanted, poolDevice, () => consumptionOf(device, wanted.capacity));
  }

  /** With admin access it need only be another than the claim is about to get. */
  #isInUse(claim: number, { adminAccess }: Wanted, { id }: PoolDevice): boolean {
    if (this.#takers.size === 0) return !adminAccess && this.#parts.allocated.isDedicated(id);
    const takers = this.#takers.get(id) ?? NO_TAKERS;
    return adminAccess ? takers.includes(claim) : takers.length > 0 || this.#parts.allocated.isDedicated(id);
  }

  /** Whether the device is free, tolerable and as the constraints want it. */
  #take(claim: number, wanted: Wanted, { pool, device: poolDevice }: Candidate): boolean {
    this.#countStep();
    const { id, driver, device } = poolDevice;
    const isShared = device.allowMultipleAllocations === true;
    if (this.#isInUse(claim, wanted, poolDevice)) return false;
    if (isTaintedFor(device, wanted.tolerations)) return false;
    if (!this.#hasCapacity(wanted, poolDevice)) return false;
    // the first share of a device takes its counters for all of them
    const isCounted = (device.consumesCounters ?? []).length > 0 && !(isShared && this.#isShared(id));
    if (isCounted && !this.#counters.take(pool, device)) return false;
    const constraints = this.#constraints[claim]!;
    for (const [i, constraint] of constraints.entries()) {
      if (constraint.add(wanted.name, driver, device)) continue;
      for (const added of constraints.slice(0, i)) added.remove(wanted.name);
      if (isCounted) this.#counters.giveBack(pool, device);
      return wanted.isAll ? this.#cannotAdd(claim, wanted, id) : false;
    }
    const consumed = isShared ? this.#consumption(wanted, poolDevice) : undefined;
    if (consumed === undefined) this.#takers.set(id, [...(this.#takers.get(id) ?? NO_TAKERS), claim]);
    else this.#shares.set(id, [...(this.#shares.get(id) ?? []), consumed]);
    this.#chosen[claim]!.push({ wanted, poolDevice, consumed, counted: isCounted ? pool : undefined });
    return true;
  }

  /** The device that the claim got last. */
  #giveBack(claim: number): void {
    const { wanted, poolDevice, consumed, counted } = this.#chosen[claim]!.pop()!;
    const { id, device } = poolDevice;
    for (const constraint of this.#constraints[claim]!) constraint.remove(wanted.name);
    if (counted !== undefined) this.#counters.giveBack(counted, device);
    if (consumed === undefined) this.#takers.set(id, this.#takers.get(id)!.slice(0, -1));
    else this.#shares.set(id, this.#shares.get(id)!.slice(0, -1));
  }

  #isShared(id: string): boolean {
    return this.#parts.allocated.shared.has(id) || (this.#shares.get(id) ?? []).length > 0;
  }

  #cannotAdd(claim: number, { name }: Wanted, id: string): never {
    const why = `cannot add device ${id} because a claim constraint would not be satisfied`;
    throw new AllocationError(`claim ${keyOf(this.#claims[claim]!)}, request ${name}: ${why}`);
  }

  #countStep(): void {
    const isLate = ++this.#steps % STEPS_PER_LOOK === 0 && this.#parts.isLate();
    if (isLate || this.#steps > STEPS_MAX)
      throw new AllocationTimeout("timed out trying to allocate devices");
  }
}

function remembered<T>(
  table: Map<Wanted, Map<PoolDevice, T>>,
  wanted: Wanted,
  device: PoolDevice,
  find: () => T,
): T {
  let byDevice = table.get(wanted);
  if (byDevice === undefined) table.set(wanted, (byDevice = new Map<PoolDevice, T>()));
  if (byDevice.has(device)) return byDevice.get(device)!;
  const found = find();
  byDevice.set(device, found);
  return found;
}
