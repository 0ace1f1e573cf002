/** Placeholder. @module */
import type { StatusCause } from "#apimachinery";
export const validateLease = (..._: readonly unknown[]): readonly StatusCause[] => [];
