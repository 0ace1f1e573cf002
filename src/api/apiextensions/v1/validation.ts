/** Placeholder. @module */
import type { StatusCause } from "#apimachinery";
export const validateCustomResourceDefinition = (..._: readonly unknown[]): readonly StatusCause[] => [];
