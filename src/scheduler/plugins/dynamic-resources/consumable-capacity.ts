/** What a share of a device that may be allocated several times consumes of its capacity (KEP-5075). Pure. @module */
import type {
  CapacityRequestPolicy,
  CapacityRequestPolicyRange,
  CapacityRequirements,
  Device,
  DeviceCapacity,
} from "#api/resource/v1/types.gen";
import {
  addQuantity,
  compareQuantity,
  newQuantity,
  parseQuantity,
  quantityValue,
  type Quantity,
} from "#apimachinery";

/** Amounts by the name of the capacity. */
export type Consumed = ReadonlyMap<string, Quantity>;

/** By what the request asks and the device's policies; undefined: the device cannot be asked for that. */
export function consumptionOf(
  { capacity = {} }: Device,
  { requests = {} }: CapacityRequirements = {},
): Consumed | undefined {
  if (Object.keys(requests).some((name) => capacity[name] === undefined)) return undefined;
  const consumed = new Map<string, Quantity>();
  for (const [name, offered] of Object.entries(capacity)) {
    const amount = rounded(requests[name], offered);
    if (violates(amount, offered.requestPolicy)) return undefined;
    consumed.set(name, amount);
  }
  return consumed;
}

interface UsualConsumption {
  readonly consumed: Consumed | undefined;
  /** Whether a device that nobody shares can be had so. */
  readonly isWithin: boolean;
}

const usualOf = new WeakMap<Device, UsualConsumption>();

/** Of a request that asks for no capacity: it is the same for all of them. */
export function usualConsumption(device: Device): UsualConsumption {
  let known = usualOf.get(device);
  if (known === undefined) {
    const consumed = consumptionOf(device);
    known = { consumed, isWithin: consumed !== undefined && isWithin(device, [consumed]) };
    usualOf.set(device, known);
  }
  return known;
}

/** Whether all of it together is there. */
export function isWithin({ capacity = {} }: Device, parts: readonly Consumed[]): boolean {
  return Object.entries(capacity).every(([name, { value }]) => {
    const amounts = parts.map((part) => part.get(name)).filter((amount) => amount !== undefined);
    const [first, ...others] = amounts;
    if (first === undefined) return true;
    return compareQuantity(others.reduce(addQuantity, first), parseQuantity(value)) <= 0;
  });
}

export function addConsumed(a: Consumed | undefined, b: Consumed): Consumed {
  if (a === undefined) return b;
  const sum = new Map(a);
  for (const [name, amount] of b) {
    const before = sum.get(name);
    sum.set(name, before === undefined ? amount : addQuantity(before, amount));
  }
  return sum;
}

function rounded(requested: string | undefined, { value, requestPolicy }: DeviceCapacity): Quantity {
  if (requested === undefined) return parseQuantity(requestPolicy?.default ?? value);
  const amount = parseQuantity(requested);
  const { validRange, validValues } = requestPolicy ?? {};
  if (validRange !== undefined) return roundUpToStep(amount, validRange);
  const larger = validValues?.map(parseQuantity).find((valid) => compareQuantity(amount, valid) <= 0);
  return larger ?? amount;
}

function roundUpToStep(amount: Quantity, { min, step }: CapacityRequestPolicyRange): Quantity {
  const smallest = parseQuantity(min);
  if (compareQuantity(amount, smallest) < 0) return smallest;
  if (step === undefined) return amount;
  const [from, by] = [quantityValue(smallest), quantityValue(parseQuantity(step))];
  return newQuantity(from + Math.ceil((quantityValue(amount) - from) / by) * by, "BinarySI");
}

function violates(amount: Quantity, policy: CapacityRequestPolicy | undefined): boolean {
  if (policy === undefined) return false;
  const { default: usual, validRange, validValues = [] } = policy;
  if (usual !== undefined && compareQuantity(amount, parseQuantity(usual)) === 0) return false;
  if (validRange !== undefined) {
    const { min, max, step } = validRange;
    if (max !== undefined && compareQuantity(amount, parseQuantity(max)) > 0) return true;
    if (step === undefined) return false;
    const above = quantityValue(amount) - quantityValue(parseQuantity(min));
    return above % quantityValue(parseQuantity(step)) !== 0;
  }
  if (validValues.length === 0) return false;
  return !validValues.some((valid) => compareQuantity(amount, parseQuantity(valid)) === 0);
}
