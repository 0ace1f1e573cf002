/** Placeholder. @module */
import type { StatusCause } from "#apimachinery";
export const validatePodTemplate = (..._: readonly unknown[]): readonly StatusCause[] => [];
