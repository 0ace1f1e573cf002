/** Placeholder. @module */
import type { StatusCause } from "#apimachinery";
export const validateHorizontalPodAutoscaler = (..._: readonly unknown[]): readonly StatusCause[] => [];
