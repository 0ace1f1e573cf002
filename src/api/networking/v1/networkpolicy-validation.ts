/** Placeholder. @module */
import type { StatusCause } from "#apimachinery";
export const validateNetworkPolicy = (..._: readonly unknown[]): readonly StatusCause[] => [];
