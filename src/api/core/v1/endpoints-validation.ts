/** Placeholder. @module */
import type { StatusCause } from "#apimachinery";
export const validateEndpoints = (..._: readonly unknown[]): readonly StatusCause[] => [];
