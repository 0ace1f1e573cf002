/** Placeholder. @module */
import type { StatusCause } from "#apimachinery";
export const validateReplicationController = (..._: readonly unknown[]): readonly StatusCause[] => [];
