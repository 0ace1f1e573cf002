/** Placeholder. @module */
import type { StatusCause } from "#apimachinery";
export const validateAPIService = (..._: readonly unknown[]): readonly StatusCause[] => [];
