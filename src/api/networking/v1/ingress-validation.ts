/** Placeholder. @module */
import type { StatusCause } from "#apimachinery";
export const validateIngress = (..._: readonly unknown[]): readonly StatusCause[] => [];
