/** Placeholder. @module */
import type { StatusCause } from "#apimachinery";
export const validateNode = (..._: readonly unknown[]): readonly StatusCause[] => [];
export const validateNodeUpdate = (..._: readonly unknown[]): readonly StatusCause[] => [];
