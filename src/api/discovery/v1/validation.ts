/** Placeholder. @module */
import type { StatusCause } from "#apimachinery";
export const validateEndpointSlice = (..._: readonly unknown[]): readonly StatusCause[] => [];
export const validateEndpointSliceUpdate = (..._: readonly unknown[]): readonly StatusCause[] => [];
