/** Placeholder. @module */
import type { StatusCause } from "#apimachinery";
export const validatePodDisruptionBudget = (..._: readonly unknown[]): readonly StatusCause[] => [];
