/** Sizes and costs between a least and a most, which stop where 64 bits do. @module */

export interface Range {
  readonly min: number;
  readonly max: number;
}

/** Unbounded. */
export const COST_MAX: number = 2 ** 64;

export const ZERO: Range = { min: 0, max: 0 };
export const UNKNOWN: Range = { min: 0, max: COST_MAX };

const capped = (value: number): number => Math.min(value, COST_MAX);

export function exactly(value: number): Range {
  return { min: value, max: value };
}

export function plus(...ranges: readonly Range[]): Range {
  return {
    min: capped(ranges.reduce((sum, { min }) => sum + min, 0)),
    max: capped(ranges.reduce((sum, { max }) => sum + max, 0)),
  };
}

export function times(a: Range, b: Range): Range {
  return { min: capped(a.min * b.min), max: capped(a.max * b.max) };
}

/** Rounded up. */
export function byFactor({ min, max }: Range, factor: number): Range {
  return { min: capped(Math.ceil(min * factor)), max: capped(Math.ceil(max * factor)) };
}

export function union(a: Range, b: Range): Range {
  return { min: Math.min(a.min, b.min), max: Math.max(a.max, b.max) };
}
