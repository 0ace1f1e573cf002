/** Amounts of resources as numbers that add up fast. @module */
import { parseQuantity, quantityToNumber } from "#apimachinery";

/** `milliCPU` in thousandths of a core, memory and storage in bytes; everything else by name. */
export interface Resources {
  milliCPU: number;
  memory: number;
  ephemeralStorage: number;
  /** Extended resources and huge pages; undefined while there are none. */
  scalar: Map<string, number> | undefined;
}

export type Quantities = Readonly<Record<string, string>>;

export function noResources(): Resources {
  // born as floating-point fields: born as small integers, every sum that outgrows them would be a new box on the heap
  const none: Resources = { milliCPU: 0.5, memory: 0.5, ephemeralStorage: 0.5, scalar: undefined };
  none.milliCPU = none.memory = none.ephemeralStorage = 0;
  return none;
}

export function addResources(to: Resources, amount: Readonly<Resources>, sign: 1 | -1): void {
  to.milliCPU += sign * amount.milliCPU;
  to.memory += sign * amount.memory;
  to.ephemeralStorage += sign * amount.ephemeralStorage;
  if (amount.scalar === undefined) return;
  to.scalar ??= new Map();
  for (const [name, value] of amount.scalar) to.scalar.set(name, (to.scalar.get(name) ?? 0) + sign * value);
}

export function equalResources(a: Readonly<Resources>, b: Readonly<Resources>): boolean {
  return !isSmaller(a, b) && !isSmaller(b, a);
}

/** Whether `a` has less than `b` of anything. */
export function isSmaller(a: Readonly<Resources>, b: Readonly<Resources>): boolean {
  if (a.milliCPU < b.milliCPU || a.memory < b.memory || a.ephemeralStorage < b.ephemeralStorage) return true;
  for (const [name, value] of b.scalar ?? NO_SCALARS) if ((a.scalar?.get(name) ?? 0) < value) return true;
  return false;
}

const NO_SCALARS: ReadonlyMap<string, number> = new Map();

/** The larger of both, resource by resource, into `to`. */
export function maxResources(to: Resources, other: Readonly<Resources>): void {
  to.milliCPU = Math.max(to.milliCPU, other.milliCPU);
  to.memory = Math.max(to.memory, other.memory);
  to.ephemeralStorage = Math.max(to.ephemeralStorage, other.ephemeralStorage);
  if (other.scalar === undefined) return;
  to.scalar ??= new Map();
  for (const [name, value] of other.scalar) to.scalar.set(name, Math.max(to.scalar.get(name) ?? 0, value));
}

/** `pods` is not among them: it counts, and is kept apart. */
export function readResources(quantities: Quantities | undefined): Resources {
  const result = noResources();
  for (const [name, text] of Object.entries(quantities ?? {})) {
    if (name === "cpu") result.milliCPU = Math.ceil(numberOf(text, 1000));
    else if (name === "memory") result.memory = numberOf(text, 1);
    else if (name === "ephemeral-storage") result.ephemeralStorage = numberOf(text, 1);
    else if (name !== "pods") (result.scalar ??= new Map()).set(name, numberOf(text, 1));
  }
  return result;
}

const parsed = new Map<string, number>();
/** Quantities repeat endlessly ("100m", "128Mi"): their values are remembered, up to this many. */
const PARSED_MAX = 10_000;

export function numberOf(text: string, scale: number): number {
  const key = `${scale} ${text}`;
  const known = parsed.get(key);
  if (known !== undefined) return known;
  const value = quantityToNumber(parseQuantity(text)) * scale;
  if (parsed.size >= PARSED_MAX) parsed.clear();
  parsed.set(key, value);
  return value;
}
