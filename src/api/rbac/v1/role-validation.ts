/** Placeholder. @module */
import type { StatusCause } from "#apimachinery";
export const validateClusterRole = (..._: readonly unknown[]): readonly StatusCause[] => [];
export const validateRole = (..._: readonly unknown[]): readonly StatusCause[] => [];
