/** Placeholder. @module */
import type { StatusCause } from "#apimachinery";
export const validatePriorityClass = (..._: readonly unknown[]): readonly StatusCause[] => [];
export const validatePriorityClassUpdate = (..._: readonly unknown[]): readonly StatusCause[] => [];
