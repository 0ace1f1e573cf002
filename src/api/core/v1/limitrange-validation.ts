/** Placeholder. @module */
import type { StatusCause } from "#apimachinery";
export const validateLimitRange = (..._: readonly unknown[]): readonly StatusCause[] => [];
