/** Placeholder. @module */
import type { StatusCause } from "#apimachinery";
export const validateRuntimeClass = (..._: readonly unknown[]): readonly StatusCause[] => [];
export const validateRuntimeClassUpdate = (..._: readonly unknown[]): readonly StatusCause[] => [];
